"""``python -m sdk info``: what a bundle is, and whether a server has its other half."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from dataclasses import asdict

from phasekey.bundle import Manifest, PrivacyWarning, edge_of, load_manifest
from sdk.commands.options import add_bundle, add_network, config_of
from sdk.core.info import info_of
from sdk.transport.grpc_sync import GrpcTransport

DESCRIPTION = """\
Tell what a bundle takes, hides and sends; with --target also whether the server has its other half.
No image is needed and no x is sent.
"""
EPILOG = """\
example:
  python -m sdk info --bundle build/digits/edge --target 127.0.0.1:8001
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_bundle(parser)
    add_network(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns 0.

    Raises:
        PhasekeyError: no bundle, or a server that is not there or has another model.
    """
    config = config_of(args, required=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyWarning)
        manifest = load_manifest(edge_of(args.bundle))
    facts = asdict(info_of(manifest))
    if config.targets:
        transport = GrpcTransport(config.targets, manifest.model_name, config=config)
        try:
            transport.check(manifest)
        finally:
            transport.close()
        facts["server"] = f"{', '.join(config.targets)} has the other half"
    sys.stdout.write(f"{json.dumps(facts, ensure_ascii=False)}\n" if args.json else _table(facts, manifest))
    return 0


def _table(facts: dict[str, object], manifest: Manifest) -> str:
    height, width, channels = manifest.image.height, manifest.image.width, manifest.image.channels
    shown = {
        "model": facts["name"],
        "image": f"{height} × {width} × {channels} (height, width, channels), {facts['dtype']}",
        "labels": f"{len(manifest.labels)}: {', '.join(manifest.labels[:6])}"
        + (", …" if len(manifest.labels) > 6 else ""),
        "secret": f"{facts['secret']}, {facts['components']} components",
        "one image": f"{facts['bytes_up']:,} bytes up, {facts['bytes_down']:,} down, {facts['wire']}",
        "promise": "no bound" if facts["nats"] is None else f"{facts['nats']:g} nats a transmission",
        "without a server": "can compute here" if facts["local_fallback"] else "cannot predict",
        "audit": facts["warning"] or "nothing to warn of",
    }
    if "server" in facts:
        shown["server"] = facts["server"]
    return "".join(f"{name:<16}  {value}\n" for name, value in shown.items())
