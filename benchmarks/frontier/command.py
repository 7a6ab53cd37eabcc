"""`python -m benchmarks frontier`: what a cloud adds to a narrow feature, against what is told."""

import argparse
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.frontier.cell import STEPS, Cell, Place, measure
from benchmarks.frontier.features import ENCODERS, Features, features_of, read_out, read_out_right
from benchmarks.frontier.picture import draw
from benchmarks.frontier.points import Alone, point_of, read_alone, write_alone
from benchmarks.frontier.report import page
from phasekey.training.controls import own_network
from phasekey.training.data.dataset import ImageDataset
from phasekey.training.data.registry import load_dataset

VALUES, SIGMAS = (12, 32, 64, 128), (1.0, 2.0)
EPOCHS, OWN_EPOCHS = 6, 4  # of a LeNet; of the device's own networks


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    option = parser.add_argument
    option("--data", required=True, help="images, in the words of phasekey train --data")
    option(
        "--work", type=Path, default=Path("runs/frontier"), metavar="FOLDER",
        help="keeps encoders, features and finished places; the same command goes on from there",
    )  # fmt: skip
    option("--values", type=_numbers, default=VALUES, metavar="D,D", help="default: 12,32,64,128")
    option("--encoders", type=_words, default=ENCODERS, metavar="NAME,NAME", help="default: linear,lenet")
    option("--steps", type=int, default=STEPS, help="of each network's training (default: %(default)s)")
    option("--epochs", type=int, default=EPOCHS, help="of a LeNet's training (default: %(default)s)")
    option("--coarse", action="store_true", help="of components only 2, D and 2D")
    option(
        "--own-epochs", type=int, default=OWN_EPOCHS, metavar="N",
        help="of the device's own networks (default: %(default)s)",
    )  # fmt: skip
    option("--finished", action="store_true", help="measure nothing: write the page of what is finished")
    option(
        "--out", type=Path, metavar="FILE", help="write what is finished to this page, a picture beside it"
    )


def run(options: argparse.Namespace) -> int:
    """Measure what is not measured yet; 0 when done."""
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)

    @cache
    def dataset() -> ImageDataset:
        return load_dataset(options.data, None, progress=True)

    if options.finished:
        _write(options)
        return 0
    asked = [place for place in places(options) if not _file(options.work, place).is_file()]
    with tqdm(total=len(asked), unit="place") as bar:
        for (encoder, values), group in groupby(asked, lambda place: (place.encoder, place.values)):
            features = features_of(encoder, values, dataset, options.work, epochs=options.epochs)
            linear = read_out(features)
            for place in group:
                bar.set_description(place.name)
                measure(place, features, linear, steps=options.steps).write(_file(options.work, place))
                bar.update()
    for encoder, values in dict.fromkeys((place.encoder, place.values) for place in places(options)):
        path = _own(options.work, Place(encoder, values, 1, 1.0))
        if not path.is_file():
            features = features_of(encoder, values, dataset, options.work, epochs=options.epochs)
            write_alone(path, _alone(features, dataset(), options.own_epochs))
    if options.out:
        _write(options)
    return 0


def _alone(features: Features, dataset: ImageDataset, epochs: int) -> Alone:
    own = own_network(features.operations, dataset.train, dataset.test, features.classes, epochs=epochs)
    return Alone(read_out_right(features, read_out(features)), own.correct, features.operations)


def _write(options: argparse.Namespace) -> None:
    asked = list(places(options))
    done = [
        place
        for place in asked
        if _file(options.work, place).is_file() and _own(options.work, place).is_file()
    ]
    alone = {(place.encoder, place.values): read_alone(_own(options.work, place)) for place in done}
    points = [
        point_of(place, Cell.read(_file(options.work, place)), alone[place.encoder, place.values])
        for place in done
    ]
    picture = options.out.with_suffix(".png")
    draw(points, picture)
    name = Path(options.data).name.split(".tar")[0]
    share = f"{_hiding(done)} of {_hiding(asked)}"
    text = page(points, alone, data=name, epochs=options.own_epochs, picture=picture, share=share)
    options.out.write_text(text, encoding="utf-8")
    print(f"wrote {options.out} and {picture}")


def places(options: argparse.Namespace) -> Iterator[Place]:
    """Lay out the frontier: narrow features first, and k from nothing hidden to 2D."""
    for values in options.values:
        for encoder in options.encoders:
            yield Place(encoder, values, 1, 1.0)
            for components in components_of(values, coarse=options.coarse):
                for sigma in SIGMAS:
                    yield Place(encoder, values, components, sigma)


def components_of(values: int, *, coarse: bool) -> list[int]:
    """Choose k for D values, from 2 to 2D."""
    fine = [] if coarse else [values // 4, values // 2, 3 * values // 2]
    return sorted({2, values, 2 * values, *fine})


def _file(work: Path, place: Place) -> Path:
    return work / f"{place.name}.npz"


def _own(work: Path, place: Place) -> Path:
    return work / f"alone-{place.encoder}-{place.values}.npz"


def _hiding(asked: list[Place]) -> int:
    return sum(place.components > 1 for place in asked)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))
