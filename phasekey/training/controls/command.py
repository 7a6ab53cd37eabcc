"""`phasekey controls`: what the cloud adds to a network, and how far its answers hang on the secret."""

import argparse
from pathlib import Path

from phasekey.training.errors import TrainingError

EPOCHS = 8  # of the device's own networks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.description = (
        "Hold a trained network against what its device could do without a cloud: a linear read-out of the "
        "feature, and the best plain network of the device's own operations. Says what the cloud adds, with "
        "an interval, negative where it does harm; and how many images get more than one label over 10 "
        "secrets. Own networks that would take more than some minutes each are not trained, and the page "
        "says so. What is finished is kept until all is: where it was cut off, give the same command again."
    )
    option = parser.add_argument
    option("--ckpt", type=Path, required=True, metavar="FILE", help="checkpoint of phasekey train")
    option("--data", help="images, in the words of phasekey train --data (default: what it was trained on)")
    option(
        "--epochs", type=int, default=EPOCHS, metavar="N",
        help="of the device's own networks (default: %(default)s)",
    )  # fmt: skip
    option(
        "--work", type=Path, metavar="FOLDER",
        help="keeps what is finished (default: controls beside the checkpoint)",
    )  # fmt: skip
    option("--out", type=Path, metavar="FILE", help="write the figures to this JSON file as well")


def run(args: argparse.Namespace) -> int:
    """Compare, print and write; 0.

    Raises:
        TrainingError: no such checkpoint or data, or a task without classes.
    """
    from phasekey.training.checkpoint import load_checkpoint
    from phasekey.training.controls.of_checkpoint import compare_checkpoint, write_facts
    from phasekey.training.data.registry import load_dataset

    checkpoint = load_checkpoint(args.ckpt)
    words = args.data or checkpoint.config.get("data")
    if words is None:
        raise TrainingError("it is not written down what this network was trained on: give --data")
    dataset = load_dataset(words, checkpoint.network.image[1], progress=True)
    found = compare_checkpoint(
        checkpoint,
        dataset,
        epochs=args.epochs,
        work=args.work or args.ckpt.parent / "controls",
        progress=True,
    )
    print(found.page())  # noqa: T201
    if args.out:
        write_facts(args.out, found)
        print(f"saved {args.out}")  # noqa: T201
    return 0
