"""`phasekey federate simulate`: server and devices on this machine."""

import argparse
from pathlib import Path

from phasekey.federated.commands.options import add_release, add_rounds, releasing, rounds_of, terms_of
from phasekey.federated.splits import parse_split

CLIENTS = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.add_argument(
        "--ckpt", type=Path, metavar="FILE",
        help="checkpoint to begin with (default: one trained on the public tenth of --data, in OUT/start)",
    )  # fmt: skip
    parser.add_argument(
        "--data", default="digits", help="images to deal out, as phasekey train --data (default: %(default)s)"
    )
    parser.add_argument(
        "--split", default="iid",
        help="how images are dealt: iid, or dirichlet:ALPHA, which gives each device other classes, the more "
        "so the smaller ALPHA (default: %(default)s)",
    )  # fmt: skip
    add_rounds(parser, CLIENTS)
    add_release(parser, required=False)
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of dealing and start (default: 0)")


def check(args: argparse.Namespace) -> None:
    """Hold options to each other.

    Raises:
        FederatedError: naming what is wrong.
    """
    rounds_of(args)
    parse_split(args.split)


def run(args: argparse.Namespace) -> None:
    """Simulate.

    Raises:
        PhasekeyError: with a message for the user.
    """
    from tqdm import tqdm

    from phasekey.federated.running import Job
    from phasekey.federated.simulation import Dealing, gather, simulate, train_start
    from phasekey.training.data.registry import load_dataset

    dealing = Dealing(args.data, args.clients, args.split, args.seed)
    dealt = gather(load_dataset(args.data, progress=True), args.clients, args.split, args.seed)
    start = args.ckpt or train_start(dealt, args.data, args.out / "start", args.seed)
    job = Job(
        start, dealt.public, rounds_of(args), terms_of(args), args.out, tqdm.write, releasing(args, args.data)
    )
    tqdm.write(f"saved {simulate(job, dealing)}")
