"""``python -m sdk doctor``: is all well with this device, and what to do where it is not."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from dataclasses import asdict
from pathlib import Path

from sdk.commands.options import add_bundle, add_network, add_trust, config_of
from sdk.diagnosis import Finding, examine_device, examine_server

DESCRIPTION = """\
Check bundle, signature, secret, decoys, versions and clock of this device, and with --target the server and
TLS. No image is needed, no x is sent, and no secret is shown.
"""
EPILOG = """\
examples:
  python -m sdk doctor --bundle build/digits/edge
  python -m sdk doctor --bundle build/digits/edge --target server:8001 --tls --trusted-key ed25519:...

Exit status: 0 where nothing is broken, 1 otherwise. A warning breaks nothing.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_bundle(parser)
    add_trust(parser)
    add_network(parser)
    parser.add_argument("--secret-file", metavar="FILE", type=Path, help="in place of this device's secret")
    parser.add_argument("--decoys", metavar="FILE", type=Path, help="the archive of private images")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns 0, or 1 where something is broken.

    Raises:
        PhasekeyError: options that make no sense.
    """
    config = config_of(args, required=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        manifest, found = examine_device(
            args.bundle, args.trusted_key, args.newer_than, args.secret_file, args.decoys
        )
        if manifest is not None:
            found += examine_server(manifest, config)
    shown = (
        json.dumps([asdict(each) for each in found], ensure_ascii=False) + "\n"
        if args.json
        else _table(found)
    )
    sys.stdout.write(shown)
    return int(any(each.state == "broken" for each in found))


def _table(found: list[Finding]) -> str:
    width = max(len(each.subject) for each in found)
    return "".join(f"{each.state:<8}{each.subject:<{width}}  {each.said}\n" for each in found)
