"""A fleet on this machine: images dealt to devices, rounds run, the result kept."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phasekey.federated.errors import FederatedError
from phasekey.federated.local import Terms
from phasekey.federated.rounds import Public, end_round
from phasekey.federated.splits import Rows, deal, parse_split
from phasekey.federated.travelling import take
from phasekey.federated.updates import Arrays
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.data.dataset import ImageDataset, Split

if TYPE_CHECKING:
    from phasekey.federated.flower.device import Holding
    from phasekey.federated.flower.server import RoundFacts, Rounds

PROXY = 10  # every tenth training image is public: it renews norms and belongs to no device


@dataclass(frozen=True)
class Fleet:
    """What a simulation deals out.

    Attributes:
        devices: rows of the training split, for each device.
        proxy: rows that are public.
    """

    devices: list[Rows]
    proxy: Rows


def gather(dataset: ImageDataset, clients: int, words: str, seed: int) -> Fleet:
    """Hold public images back, and deal the rest to devices.

    Raises:
        FederatedError: for words that `--split` does not know, or too few images.
    """
    labels = dataset.train.labels
    if labels.ndim > 1:
        raise FederatedError("--split deals by class, and these images have attributes instead")
    proxy = np.arange(0, len(labels), PROXY)
    rest = np.setdiff1d(np.arange(len(labels)), proxy)
    return Fleet([rest[rows] for rows in deal(labels[rest], clients, parse_split(words), seed)], proxy)


def simulate(
    checkpoint: Path,
    dataset: ImageDataset,
    fleet: Fleet,
    rounds: "Rounds",
    terms: Terms,
    out: Path,
    say: Callable[[str], None],
) -> Path:
    """Improve a checkpoint by devices that all live in this process.

    Args:
        checkpoint: to begin with; every device has it.
        dataset: images; its test split scores each round.
        fleet: who holds what.
        rounds, terms: how the run goes.
        out: folder for model.pt, written anew after every round that is proved.
        say: takes a line about each round.

    Returns:
        The path of model.pt.

    Raises:
        FederatedError: a round whose result is not proved, or no round that enough devices took part in.
        TrainingError: a checkpoint or a folder.
    """
    from phasekey.federated.flower.device import Holding, device_app
    from phasekey.federated.flower.in_process import FIRST_DEVICE, SERVER, InProcessGrid, new_context
    from phasekey.federated.flower.server import run_rounds

    out.mkdir(parents=True, exist_ok=True)
    start, path = load_checkpoint(checkpoint), out / "model.pt"

    def holding(number: int) -> Holding:
        rows = fleet.devices[number]
        split = Split(dataset.train.images[rows], dataset.train.labels[rows])
        return Holding(load_checkpoint(checkpoint).network, split, dataset.augment, number)

    masked = rounds.aggregate == "secagg"
    apps = {
        FIRST_DEVICE + number: device_app(partial(_held, holding(number)), masked=masked)
        for number in range(len(fleet.devices))
    }
    public = Public(dataset.train.images[fleet.proxy], dataset.test)

    def after(facts: "RoundFacts", weights: Arrays) -> None:
        told = {"rounds": facts.number, "devices": facts.taken, "aggregate": rounds.aggregate}
        accuracy = end_round(start, weights, public, path, told, thawed=terms.thawed)
        say(
            f"round {facts.number}/{rounds.number}: {facts.taken} devices, {facts.refused} left out, "
            f"test accuracy {accuracy.hidden:.4f} through the secret; proved"
        )

    run_rounds(
        InProcessGrid(apps),
        new_context(SERVER),
        take(start.network, thawed=terms.thawed),
        terms,
        rounds,
        after,
    )
    if not path.is_file():
        raise FederatedError(f"no round had the {rounds.least} devices that it takes: nothing was written")
    return path


def _held(holding: "Holding", context: object) -> "Holding":  # noqa: ARG001 - Flower passes it
    """A device's images, whatever Flower says of its node."""
    return holding
