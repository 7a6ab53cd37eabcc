"""`phasekey federate device`: trains on the images in a folder whenever a server asks."""

import argparse
from pathlib import Path

from phasekey.federated.commands.options import THAW, add_aggregate, endpoint, require_safe
from phasekey.federated.errors import FederatedError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.add_argument(
        "--data", type=Path, required=True, metavar="FOLDER",
        help="this device's images, CLASS/IMAGE or train/CLASS/IMAGE; they stay here. Classes have the "
        "network's names, and some may be missing",
    )  # fmt: skip
    parser.add_argument("--superlink", required=True, metavar="HOST:PORT", help="the server")
    add_aggregate(parser)
    parser.add_argument("--thaw-encoder", action="store_true", help=THAW)
    parser.add_argument(
        "--ckpt", type=Path, metavar="FILE",
        help="the network that the server must have, for a device that knows it: same layers, labels and "
        "encoder (default: believe the first that comes, and none that differs from it)",
    )  # fmt: skip
    parser.add_argument("--authority", type=Path, metavar="PEM", help="that vouches for the server")
    parser.add_argument(
        "--key", type=Path, metavar="FILE",
        help="this device's private key, of ssh-keygen -t ecdsa -b 384 -N '' -f FILE, for a server that has "
        "FILE.pub in its --authorized-keys; needs --authority",
    )  # fmt: skip
    parser.add_argument(
        "--insecure", action="store_true", help="connect to another machine without certificates"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the order of images (default: 0)"
    )
    parser.add_argument(
        "--state", type=Path, default=Path("runs/device"), metavar="FOLDER",
        help="for Flower's log (default: %(default)s)",
    )  # fmt: skip


def check(args: argparse.Namespace) -> None:
    """Hold options to each other, and look for the images.

    Raises:
        FederatedError: naming what is wrong.
    """
    require_safe(endpoint(args.superlink)[0], encrypted=args.authority is not None, insecure=args.insecure)
    if args.key and not args.authority:
        raise FederatedError("--key takes --authority: a key is shown to the right server only")
    if not args.data.exists():
        raise FederatedError(f"no images at {str(args.data)!r}: give --data FOLDER, with CLASS/IMAGE in it")


def run(args: argparse.Namespace) -> None:
    """Take part until interrupted.

    Raises:
        PhasekeyError: with a message for the user.
    """
    from tqdm import tqdm

    from phasekey.federated.flower.children import Tls
    from phasekey.federated.flower.device import Device, Holding
    from phasekey.federated.flower.machines import take_part
    from phasekey.federated.images import read_images
    from phasekey.federated.keys import require_key
    from phasekey.training.checkpoint import Checkpoint, load_checkpoint

    def hold(checkpoint: Checkpoint) -> Holding:
        split = read_images(args.data, checkpoint)
        tqdm.write(f"{len(split)} images to learn from; they stay here")
        return Holding(split, "shift" if checkpoint.architecture["image"][0] == 1 else "crop-flip", args.seed)

    if args.key is not None:
        require_key(args.key)
    first = None if args.ckpt is None else load_checkpoint(args.ckpt)
    device = Device(hold, args.aggregate, thawed=args.thaw_encoder, first=first)
    tls = None if args.authority is None else Tls(args.authority)
    tqdm.write(f"taking part in rounds of {args.superlink}, as {args.aggregate}; Ctrl-C ends it")
    take_part([device], args.superlink, args.state, tls, tqdm.write, key=args.key)
