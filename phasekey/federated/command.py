"""`phasekey federate simulate`: a fleet of devices on this machine improves a network together."""

import argparse
import sys
from pathlib import Path

from phasekey.command import require_extra
from phasekey.federated.errors import FederatedError
from phasekey.machine import let_threads_sleep
from phasekey.training.command import NEEDED

DESCRIPTION = """\
Improve a split network on images that stay on the devices that hold them.

Weights of the processing module and the decoder travel; the encoder stays as it is, so devices go on sending
the very x that they sent before. Updates travel as secure sums (Flower's SecAgg+): the server sees their sum
alone. --aggregate plain shows it each device's update, from which images can be drawn.

simulate runs server and devices in this one process, through Flower's own apps and workflows: for trying what
a fleet would come to. It proves nothing of a network, of which it uses none."""
EPILOG = """\
examples:
  phasekey train --data digits --epochs 1 --out runs/start
  phasekey federate simulate --ckpt runs/start/model.pt --clients 8 --split dirichlet:0.5 --rounds 5
      deals the digits to eight devices and writes runs/federated/model.pt after every round

next: phasekey audit --ckpt runs/federated/model.pt, then phasekey export --require-audit"""
DEFAULT_OUT = Path("runs/federated")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("what", choices=("simulate",), metavar="simulate", help="a fleet in this process")
    parser.add_argument(
        "--ckpt", type=Path, required=True, metavar="FILE", help="checkpoint to begin with, of phasekey train"
    )
    parser.add_argument("--data", default="digits", help="images to deal out, as phasekey train --data")
    parser.add_argument("--clients", type=int, default=8, metavar="N", help="devices (default: %(default)s)")
    parser.add_argument(
        "--split", default="iid",
        help="how images are dealt: iid, or dirichlet:ALPHA, which gives each device other classes, the more "
        "so the smaller ALPHA (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds (default: %(default)s)")
    parser.add_argument(
        "--aggregate", choices=("secagg", "plain"), default="secagg",
        help="secagg: the server sees the sum of updates alone (default); plain: it sees each",
    )  # fmt: skip
    parser.add_argument(
        "--least", type=int, metavar="N",
        help="devices that make a round; fewer change nothing (default: three quarters of --clients)",
    )  # fmt: skip
    parser.add_argument(
        "--epochs", type=int, default=1, metavar="N", help="passes of a device over its images in a round"
    )
    parser.add_argument("--batch-size", type=int, default=32, metavar="N", help="images a step")
    parser.add_argument("--lr", type=float, default=0.02, metavar="X", help="learning rate of devices")
    parser.add_argument(
        "--longest", type=float, default=10.0, metavar="X",
        help="Euclidean length to which each device's update is clipped (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--thaw-encoder", action="store_true",
        help="let the encoder learn too: devices then send another x for an image than before, and the two "
        "together tell more than one",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the dealing (default: 0)")
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_OUT, metavar="FOLDER", help="for model.pt (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Simulate as the options say.

    Returns:
        0, the exit status.

    Raises:
        PhasekeyError: with a message for the user.
    """
    least = args.least if args.least is not None else max(1, (3 * args.clients + 3) // 4)
    _check(args, least)
    require_extra("federated", "training across devices", (*NEEDED, "onnxscript", "flwr"))
    let_threads_sleep()
    from tqdm import tqdm

    from phasekey.federated.flower.server import Rounds
    from phasekey.federated.local import Terms
    from phasekey.federated.simulation import gather, simulate
    from phasekey.training.data.registry import load_dataset

    if args.thaw_encoder:
        print(  # noqa: T201
            "warning: --thaw-encoder: an image seen under two encoders leaks more than under one",
            file=sys.stderr,
        )
    dataset = load_dataset(args.data, progress=True)
    path = simulate(
        args.ckpt,
        dataset,
        gather(dataset, args.clients, args.split, args.seed),
        Rounds(args.rounds, args.clients, least, aggregate=args.aggregate),
        Terms(args.epochs, args.batch_size, args.lr, args.longest, args.thaw_encoder),
        args.out,
        tqdm.write,
    )
    tqdm.write(f"saved {path}")
    return 0


def _check(args: argparse.Namespace, least: int) -> None:
    for name in ("clients", "rounds", "epochs", "batch_size"):
        if getattr(args, name) < 1:
            raise FederatedError(f"--{name.replace('_', '-')} takes a whole number of at least 1")
    if not 1 <= least <= args.clients:
        raise FederatedError(f"--least takes 1 to --clients, {args.clients}; got {least}")
    if not (0 < args.lr < float("inf") and 0 < args.longest < float("inf")):
        raise FederatedError("--lr and --longest take numbers above 0")
