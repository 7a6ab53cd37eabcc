"""`phasekey train`: from a data set to model.pt and metrics.jsonl."""

import argparse

from phasekey.command import require_extra
from phasekey.training.config import TrainConfig
from phasekey.training.options import add_options, from_options

DESCRIPTION = "Train a network that is split for private inference, and save it for `phasekey export`."
EPILOG = """\
examples:
  phasekey train --arch lenet --data digits --epochs 5 --out runs/digits
      trains on the embedded handwritten digits, within a minute on two cores
  phasekey train --data cifar10-jpeg.tar.gz --epochs 10 --out runs/cifar10
      trains on an image folder or a tar archive of one, which is read as it is:
      [prefix/]train/CLASS/IMAGE and [prefix/]test/CLASS/IMAGE

writes FOLDER/model.pt (weights and all settings, anew after every epoch) and FOLDER/metrics.jsonl
(one line for each epoch). Test accuracy "rotated" is what a device gets; "plain" is without angle
and decoy. Next: python -m export --ckpt FOLDER/model.pt --out build/NAME
"""
# What the train extra brings and this command imports.
NEEDED = ("torch", "tqdm", "sklearn")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of TrainConfig, and help that teaches."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_options(parser, TrainConfig)


def run(args: argparse.Namespace) -> int:
    """Train as the options say; 0 when done. Raises PhasekeyError with a message for the user."""
    config = from_options(args, TrainConfig)
    require_extra("train", "training", NEEDED)
    from tqdm import tqdm

    from phasekey.training.data.registry import load_dataset
    from phasekey.training.loop import train

    dataset = load_dataset(config.data, config.image_size, progress=True)
    tqdm.write(
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.test):,} test images, "
        f"{len(dataset.classes)} classes"
    )
    path = train(config, dataset, progress=True, on_epoch=lambda m: tqdm.write(m.sentence(config.epochs)))
    tqdm.write(f"saved {path}")
    return 0
