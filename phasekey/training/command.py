"""`phasekey train`: from a data set to model.pt and metrics.jsonl."""

import argparse
import sys
from pathlib import Path

from phasekey.command import require_extra
from phasekey.machine import let_threads_sleep
from phasekey.training.recipes import load_recipe, recipe_names
from phasekey.training.settings.config import TrainConfig
from phasekey.training.settings.modes import MODES, PRESETS, Mode, chosen_settings, describe
from phasekey.training.settings.options import add_options, given_options

DESCRIPTION = "Train a network that is split for private inference, and save it for `phasekey export`."
EPILOG = f"""\
examples:
  phasekey train --arch lenet --data digits --epochs 5 --out runs/digits
      trains on the embedded handwritten digits, within a minute on two cores
  phasekey train --data cifar10-jpeg.tar.gz --epochs 10 --out runs/cifar10
      trains on an image folder or a tar archive of one, which is read as it is:
      [prefix/]train/CLASS/IMAGE and [prefix/]test/CLASS/IMAGE
  phasekey train --recipe lenet-cifar10 --epochs 30 --out runs/lenet
      takes the settings of a row of the paper's tables; what is given beside it wins
  phasekey train --mode bounded --data cifar10-jpeg.tar.gz --epochs 16 --out runs/bounded
      hides images by a secret orthogonal matrix and Gaussian decoys, and says how many nats leak at most
  phasekey train --mode anonymous --data cifar10-jpeg.tar.gz --epochs 16 --out runs/anonymous
      trains a plain network, whose devices send the image's feature among those of other images
  accelerate launch --num_processes 4 -m phasekey.cli train --recipe resnet56-alpha-cifar10
      trains on four GPUs; --batch-size is then shared among them

writes FOLDER/model.pt (weights and all settings, anew after every epoch) and FOLDER/metrics.jsonl
(one line for each epoch). Test accuracy "hidden" is through the secret and decoys by the law of training
(--decoy; the paper's devices draw features of synthetic images instead); "plain" is without both.
Next: python -m export --ckpt FOLDER/model.pt --out build/NAME

killed? Give the same command again: the run goes on from FOLDER/state.pt, and on one device with one
thread it ends in the very weights that it would have had. FOLDER/state.pt goes when the run is finished.

recipes: {", ".join(recipe_names())}
"""
# What the train extra brings and this command imports.
NEEDED = ("torch", "accelerate", "tqdm", "sklearn")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give a parser the options of TrainConfig, and help that teaches."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--recipe", metavar="NAME", help="take the settings of a recipe as defaults; the names are below"
    )
    parser.add_argument(
        "--mode", choices=MODES,
        help="what hides the images, as a preset over the options below: " + "; ".join(map(_preset, MODES)),
    )  # fmt: skip
    parser.add_argument(
        "--fresh", action="store_true", help="start anew where an unfinished run would otherwise go on"
    )
    add_options(parser, TrainConfig)


def _preset(mode: Mode) -> str:
    shown = {name: value for name, value in PRESETS[mode].items() if value not in (None, "auto", 1.0)}
    return f"{mode}, " + " ".join(f"--{name} {value}" for name, value in shown.items())


def run(args: argparse.Namespace) -> int:
    """Train as the options say.

    Args:
        args: parsed by a parser that `add_arguments` filled.

    Returns:
        0, the exit status.

    Raises:
        PhasekeyError: with a message for the user.
    """
    recipe = load_recipe(args.recipe).settings if args.recipe else None
    config = TrainConfig(**chosen_settings(args.mode, recipe, given_options(args, TrainConfig)))
    require_extra("train", "training", NEEDED)
    let_threads_sleep()
    from tqdm import tqdm

    from phasekey.training.data.registry import load_dataset
    from phasekey.training.loop.train import STATE_FILE, train

    dataset = load_dataset(config.data, config.image_size, progress=True).at_most(config.images)
    tqdm.write(
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.test):,} test images, "
        f"{len(dataset.classes)} classes"
    )
    tqdm.write(describe(config))
    try:
        path = train(
            config,
            dataset,
            progress=True,
            on_epoch=lambda metrics: tqdm.write(metrics.sentence(config.epochs)),
            fresh=args.fresh,
        )
    except KeyboardInterrupt:
        print(_stopped(config.out / STATE_FILE), file=sys.stderr)  # noqa: T201
        raise
    tqdm.write(f"saved {path}")
    return 0


def _stopped(state: Path) -> str:
    if not state.is_file():
        return "stopped before anything was saved: the same command starts anew"
    return f"stopped: the same command goes on from {state}, --fresh starts anew"
