"""`phasekey federate release`: from a checkpoint to a signed bundle, in one command."""

import argparse
from pathlib import Path

from phasekey.federated.commands.options import add_release


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.add_argument(
        "--ckpt", type=Path, required=True, metavar="FILE", help="checkpoint of a round, or of phasekey train"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER",
        help="for the checkpoint's copy, the audit's report and the bundle; killed? Give the same command "
        "again",
    )  # fmt: skip
    parser.add_argument("--data", help="images for the audit (default: what the network was trained on)")
    add_release(parser, required=True)


def check(args: argparse.Namespace) -> None:
    """Nothing goes together with anything else."""


def run(args: argparse.Namespace) -> None:
    """Release.

    Raises:
        PhasekeyError: with a message for the user.
    """
    from tqdm import tqdm

    from phasekey.federated.release import Release, release

    release(args.ckpt, args.out, Release(args.release_key, args.audit_budget, args.data, tqdm.write))
