"""Options that several subcommands share: the bundle, and how to reach the servers."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from sdk.errors import ConfigurationError
from sdk.transport import ClientConfig


def add_bundle(parser: argparse.ArgumentParser) -> None:
    """Declare --bundle."""
    parser.add_argument(
        "--bundle", metavar="DIR", type=Path, required=True, help="export: build/NAME, or its edge folder"
    )


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Declare what a bundle must be signed with."""
    parser.add_argument(
        "--trusted-key",
        metavar="KEY",
        action="append",
        help="refuse a bundle that is not signed by this public key (ed25519:…, see phasekey sign)",
    )
    parser.add_argument(
        "--newer-than", metavar="VERSION", type=int, help="refuse a signed bundle that is older than this one"
    )


def add_network(parser: argparse.ArgumentParser) -> None:
    """Declare how to reach the servers."""
    parser.add_argument(
        "--target",
        metavar="HOST:PORT",
        action="append",
        help="the server that holds the 'cloud' half; several times for several, which take turns. Each "
        "setting can also stand in the environment (PHASEKEY_TARGETS, PHASEKEY_TIMEOUT, …)",
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="TOML file of settings (docs/client.md)")
    secure = parser.add_argument_group("TLS and tokens")
    secure.add_argument(
        "--tls", action="store_true", default=None, help="encrypt, trusting the system's roots"
    )
    secure.add_argument("--ca-cert", metavar="FILE", type=Path, help="PEM file of the roots to trust instead")
    secure.add_argument("--cert", metavar="FILE", type=Path, help="this device's certificate (mutual TLS)")
    secure.add_argument("--key", metavar="FILE", type=Path, help="its private key")
    secure.add_argument(
        "--server-name",
        metavar="NAME",
        help="the name in the servers' certificates, where targets have others",
    )
    secure.add_argument("--token-file", metavar="FILE", type=Path, help="file that holds this device's token")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        help="that a call may take, retries included (default: 30)",
    )


def add_talk(parser: argparse.ArgumentParser) -> None:
    """Declare how much is said."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    loud = parser.add_mutually_exclusive_group()
    loud.add_argument(
        "-q", "--quiet", action="store_true", help="no headings, no progress, no word of the audit"
    )
    loud.add_argument("-v", "--verbose", action="store_true", help="say more on standard error")


def config_of(args: argparse.Namespace, *, required: bool = True) -> ClientConfig:
    """The settings: of the file, before it the environment, before that the options.

    Raises:
        ConfigurationError: a wrong value, or no target at all where one is required.
    """
    if getattr(args, "verbose", False):
        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    base = ClientConfig() if args.config is None else ClientConfig.from_file(args.config)
    names = (
        "tls",
        "ca_cert",
        "cert",
        "key",
        "server_name",
        "token_file",
        "timeout",
        "batch_size",
        "on_unavailable",
    )
    given = {name: getattr(args, name, None) for name in names}
    given["targets"] = None if args.target is None else tuple(args.target)
    config = ClientConfig.from_env(base=base).updated(
        {name: value for name, value in given.items() if value is not None}
    )
    if required and not config.targets:
        raise ConfigurationError("No server is named: give --target HOST:PORT, or PHASEKEY_TARGETS.")
    return config
