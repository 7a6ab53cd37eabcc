"""A fleet on this machine: public images kept back, the rest dealt to devices, and rounds run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phasekey.federated.errors import FederatedError
from phasekey.federated.rounds import Public
from phasekey.federated.running import Job, improve
from phasekey.federated.splits import Rows, deal, parse_split
from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.registry import load_dataset
from phasekey.training.loop.train import train
from phasekey.training.settings.config import TrainConfig

if TYPE_CHECKING:
    from phasekey.federated.flower.device import Device

PROXY = 10  # every tenth training image is public: it renews norms and belongs to no device
START_EPOCHS = 8  # over the public images, where no start is given


@dataclass(frozen=True)
class Dealing:
    """How images come to devices, in words that another process can follow.

    Attributes:
        data: the words of --data.
        clients: devices.
        split: the words of --split.
        seed: of the draw.
    """

    data: str
    clients: int
    split: str
    seed: int


@dataclass(frozen=True)
class Dealt:
    """Who holds what.

    Attributes:
        dataset: all of it.
        devices: rows of the training split, for each device.
        proxy: rows that are public.
    """

    dataset: ImageDataset
    devices: list[Rows]
    proxy: Rows

    def held(self, device: int) -> Split:
        """The images of a device."""
        return _rows(self.dataset.train, self.devices[device])

    @property
    def public(self) -> Public:
        """What nobody needs to hide."""
        return Public(self.dataset.train.images[self.proxy], self.dataset.test)


def gather(dataset: ImageDataset, clients: int, words: str, seed: int) -> Dealt:
    """Hold public images back, and deal the rest to devices.

    Raises:
        FederatedError: for words that `--split` does not know, or too few images.
    """
    labels = dataset.train.labels
    if labels.ndim > 1:
        raise FederatedError("--split deals by class, and these images have attributes instead")
    proxy = np.arange(0, len(labels), PROXY)
    rest = np.setdiff1d(np.arange(len(labels)), proxy)
    dealt = deal(labels[rest], clients, parse_split(words), seed)
    return Dealt(dataset, [rest[rows] for rows in dealt], proxy)


def train_start(dealt: Dealt, data: str, out: Path, seed: int = 0) -> Path:
    """Train a network to begin with on public images alone.

    Args:
        dealt: who holds what.
        data: words for the checkpoint.
        out: folder for model.pt.
        seed: of weights and order.

    Returns:
        Its path; what is there already stays.

    Raises:
        TrainingError: a folder.
    """
    path = out / "model.pt"
    if not path.is_file():
        small = replace(dealt.dataset, train=_rows(dealt.dataset.train, dealt.proxy))
        train(TrainConfig(data=data, out=out, epochs=START_EPOCHS, seed=seed), small, progress=False)
    return path


def simulate(job: Job, dealing: Dealing) -> Path:
    """Improve a checkpoint by devices on a real SuperLink and SuperNodes of this machine.

    Args:
        job: what the server does.
        dealing: what the devices hold; their process follows it by itself.

    Returns:
        The path of model.pt.

    Raises:
        FederatedError: as improve does, or a program of Flower's does not start.
        TrainingError: a checkpoint or a folder.
    """
    from phasekey.federated.flower.children import LOOPBACK, free_port
    from phasekey.federated.flower.machines import OtherProcess, serve

    port, folder = free_port(), job.out / "flower"
    with OtherProcess(
        _be_devices, dealing, f"{LOOPBACK}:{port}", folder, job.rounds.aggregate, job.terms.thawed
    ):
        return serve(job, LOOPBACK, port, None)


def simulate_here(job: Job, dealt: Dealt) -> Path:
    """Improve a checkpoint by devices that all live in this process, without sockets: for tests.

    Raises:
        FederatedError, TrainingError: as simulate does.
    """
    from phasekey.federated.flower.in_process import FIRST_DEVICE, SERVER, InProcessGrid, new_context

    apps = _apps(dealt, job.rounds.aggregate, job.terms.thawed)
    return improve(InProcessGrid(dict(enumerate(apps, FIRST_DEVICE))), new_context(SERVER), job)


def _be_devices(
    dealing: Dealing, address: str, folder: Path, aggregate: str, thawed: bool, keep_on: Callable[[], bool]
) -> None:
    from phasekey.federated.flower.machines import take_part

    dealt = gather(load_dataset(dealing.data), dealing.clients, dealing.split, dealing.seed)
    take_part(_apps(dealt, aggregate, thawed), address, folder, None, print, keep_on)


def _apps(dealt: Dealt, aggregate: str, thawed: bool) -> list["Device"]:
    from phasekey.federated.flower.device import Device, Holding

    def app(number: int) -> Device:
        holding = Holding(dealt.held(number), dealt.dataset.augment, number)
        return Device(lambda _: holding, aggregate, thawed=thawed)

    return [app(number) for number in range(len(dealt.devices))]


def _rows(split: Split, rows: Rows) -> Split:
    return Split(split.images[rows], split.labels[rows])
