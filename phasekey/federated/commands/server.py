"""`phasekey federate server`: rounds with devices that come over the network."""

import argparse
import sys
from pathlib import Path

from phasekey.federated.commands.options import (
    add_release,
    add_rounds,
    endpoint,
    releasing,
    require_safe,
    rounds_of,
    terms_of,
)
from phasekey.federated.errors import FederatedError

CLIENTS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.add_argument(
        "--ckpt", type=Path, required=True, metavar="FILE", help="checkpoint to begin with, of phasekey train"
    )
    parser.add_argument(
        "--data",
        help="public images, in the words of phasekey train --data: training ones renew norms, test ones "
        "score each round (default: what the checkpoint was trained on)",
    )
    add_rounds(parser, CLIENTS)
    add_release(parser, required=False)
    parser.add_argument(
        "--listen", default="127.0.0.1:9092", metavar="HOST:PORT",
        help="where devices connect (default: %(default)s, this machine alone)",
    )  # fmt: skip
    parser.add_argument("--certificate", type=Path, metavar="PEM", help="of this server; names 127.0.0.1 too")
    parser.add_argument("--private-key", type=Path, metavar="PEM", help="of that certificate")
    parser.add_argument("--authority", type=Path, metavar="PEM", help="that vouches for the certificate")
    parser.add_argument(
        "--authorized-keys", type=Path, metavar="FILE",
        help="public keys of the devices that may take part, a line each: NAME.pub of ssh-keygen -t ecdsa "
        "-b 384 -N '' -f NAME; needs certificates (default: whoever reaches the port)",
    )  # fmt: skip
    parser.add_argument(
        "--insecure", action="store_true", help="listen beyond this machine without certificates"
    )


def check(args: argparse.Namespace) -> None:
    """Hold options to each other.

    Raises:
        FederatedError: naming what is wrong.
    """
    rounds_of(args)
    files = (args.certificate, args.private_key, args.authority)
    if any(files) and not all(files):
        raise FederatedError("--certificate, --private-key and --authority go together")
    if args.authorized_keys and not all(files):
        raise FederatedError(
            "--authorized-keys takes certificates: devices show their keys to the right server"
        )
    require_safe(endpoint(args.listen)[0], encrypted=all(files), insecure=args.insecure)


def run(args: argparse.Namespace) -> None:
    """Serve.

    Raises:
        PhasekeyError: with a message for the user.
    """
    from tqdm import tqdm

    from phasekey.federated.flower.children import Tls
    from phasekey.federated.flower.machines import serve
    from phasekey.federated.keys import authorized_keys
    from phasekey.federated.rounds import Public
    from phasekey.federated.running import Job
    from phasekey.training.checkpoint import load_checkpoint
    from phasekey.training.data.registry import load_dataset

    if args.thaw_encoder:
        tqdm.write("warning: --thaw-encoder: an image seen under two encoders leaks more", file=sys.stderr)
    keys = None if args.authorized_keys is None else authorized_keys(args.authorized_keys)
    start = load_checkpoint(args.ckpt)
    words = args.data or start.config.get("data")
    if not words:
        raise FederatedError("it is not written down what this network was trained on: give --data")
    height, width = start.architecture["image"][1:]
    dataset = load_dataset(words, height if height == width else None, progress=True)
    if dataset.classes != start.labels:
        raise FederatedError(
            f"the public images are of the classes {', '.join(dataset.classes[:5])}, and the network's are "
            f"{', '.join(start.labels[:5])}: give --data with the network's"
        )
    public = Public(dataset.train.images, dataset.test)
    job = Job(
        args.ckpt, public, rounds_of(args), terms_of(args), args.out, tqdm.write, releasing(args, words)
    )
    tls = Tls(args.authority, args.certificate, args.private_key) if args.certificate else None
    tqdm.write(f"saved {serve(job, *endpoint(args.listen), tls, keys)}")
