"""The figures of the demo: the same held-out images through the wire and through PyTorch, in both modes."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from phasekey.bundle import load_manifest
from phasekey.demo.recording import RecordingKeys, RecordingTransport
from phasekey.model import SplitNetwork
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.data.registry import load_dataset
from phasekey.training.evaluate import to_float
from sdk import EdgeClient, Prediction

Pixels = NDArray[np.uint8]
INPUTS = 85  # held-out digits that are sent among decoys; the archive has the other 270, three for each


@dataclass(frozen=True)
class Mode:
    """How one mode did: shares, milliseconds, bytes of messages for an image.

    Attributes:
        images: predictions through the wire.
        plain: accuracy of PyTorch with nothing hidden.
        wire: accuracy through the wire.
        agreement: predictions that are those of PyTorch, given the same secrets and decoys.
        latency: median of a prediction, one at a time.
        up, down: bytes.
    """

    images: int
    plain: float
    wire: float
    agreement: float
    latency: float
    up: float
    down: float

    def rows(self) -> Sequence[tuple[str, str]]:
        """The figures for people, by name."""
        return (
            ("held-out images", f"{self.images}"),
            ("accuracy, PyTorch, nothing hidden", f"{self.plain:.2%}"),
            ("accuracy, through the wire", f"{self.wire:.2%}"),
            ("same prediction as PyTorch, same secrets", f"{self.agreement:.2%}"),
            ("latency per image, median, one at a time", f"{self.latency:.2f} ms"),
            ("bytes up / down per image", f"{self.up:,.0f} / {self.down:,.0f}"),
        )


@dataclass(frozen=True)
class Seen:
    """What crossed the wire for each prediction, and what the device read.

    Attributes:
        images: (N, H, W, C) uint8, the inputs.
        labels: (N,), the truth.
        x: (N, ...), as the cloud received it.
        answers: (N,) names of classes.
    """

    images: Pixels
    labels: NDArray[np.int64]
    x: NDArray[np.float32]
    answers: tuple[str, ...]


def measure_bounded(checkpoint: Path, bundle: Path, target: str) -> tuple[Mode, Seen, NDArray[np.float64]]:
    """Send the held-out digits one by one, then compare with PyTorch given the same matrices and decoys.

    Args:
        checkpoint: of a network of the mode `bounded`.
        bundle: its export.
        target: where its processing module is served.

    Returns:
        The figures, what was sent, and the matrices Q (N, k, k) that hid it.
    """
    network, (images, labels) = load_checkpoint(checkpoint).network, held_out()
    keys, transport = RecordingKeys(), RecordingTransport(target, load_manifest(bundle / "edge"))
    with EdgeClient(bundle, keys=keys, transport=transport) as client:
        client.predict(images[:1])  # the connection is made here, and is not part of the latency
        keys.drawn.clear()
        run = _send(client, transport, images, client.predict, "bounded")
    secrets = torch.from_numpy(keys.matrices())
    with torch.no_grad():
        feature = network.encoder(to_float(torch.from_numpy(images)))
        decoys = network.sigma * torch.from_numpy(keys.noise()).reshape(len(images), -1, *feature.shape[1:])
        rows = network.among_decoys(feature, decoys)
        hidden = network.answer(rows, secrets).argmax(1).numpy()
        plain = network.answer(rows, torch.eye(network.components).expand_as(secrets)).argmax(1).numpy()
    return run.against(plain, hidden, labels), run.seen(images, labels), keys.matrices()


def measure_anonymous(
    checkpoint: Path, bundle: Path, target: str, archive: Path, secret: bytes
) -> tuple[Mode, Seen, NDArray[np.int64]]:
    """Send digits among decoys from an archive of others, then compare with the plain network in PyTorch.

    Args:
        checkpoint: of a network of the mode `anonymous`.
        bundle: its export.
        target: where its network is served.
        archive: decoys, three for each input.
        secret: of the device.

    Returns:
        The figures, what was sent (k samples for each input), and at which of the k places each input was.
    """
    network, (images, labels) = load_checkpoint(checkpoint).network, held_out(INPUTS)
    transport = RecordingTransport(target, load_manifest(bundle / "edge"))
    with EdgeClient(bundle, transport=transport, secret=secret, decoys=archive) as client:
        client.prepare(len(images))
        run = _send(client, transport, images, client.predict, "anonymous")
    with torch.no_grad():
        pixels = to_float(torch.from_numpy(images))
        plain, feature = network(pixels).argmax(1).numpy(), network.encoder(pixels).numpy()
    seen = run.seen(images, labels)
    return run.against(plain, plain, labels), seen, places(seen.x, feature)


def places(x: NDArray[np.float32], feature: NDArray[np.float32]) -> NDArray[np.int64]:
    """Find which of k samples is a feature: the nearest, by squares. (N, k, ...), (N, ...) -> (N,)."""
    away = ((x - feature[:, None]) ** 2).reshape(*x.shape[:2], -1).sum(2)
    return np.asarray(away.argmin(1), np.int64)


def held_out(count: int | None = None) -> tuple[Pixels, NDArray[np.int64]]:
    """Take digits that no training saw: images (N, H, W, C) and labels (N,)."""
    test = load_dataset("digits", None).test
    return test.images[:][:count], np.asarray(test.labels)[:count]


@dataclass(frozen=True)
class _Run:
    """What came of sending images one by one."""

    classes: NDArray[np.int64]
    answers: tuple[str, ...]
    seconds: tuple[float, ...]
    x: NDArray[np.float32]
    up: float
    down: float

    def against(self, plain: NDArray[np.int64], hidden: NDArray[np.int64], labels: NDArray[np.int64]) -> Mode:
        """Beside what PyTorch says with nothing hidden, and with the same secrets; classes (N,) each."""
        return Mode(
            images=len(labels),
            plain=float((plain == labels).mean()),
            wire=float((self.classes == labels).mean()),
            agreement=float((self.classes == hidden).mean()),
            latency=1000 * statistics.median(self.seconds),
            up=self.up,
            down=self.down,
        )

    def seen(self, images: Pixels, labels: NDArray[np.int64]) -> Seen:
        """With what was sent."""
        return Seen(images, labels, self.x, self.answers)


def _send(
    client: EdgeClient,
    transport: RecordingTransport,
    images: Pixels,
    predict: Callable[[Pixels], Prediction],
    name: str,
) -> _Run:
    transport.sent.clear()
    before, said, seconds = client.traffic, list[Prediction](), list[float]()
    for image in tqdm(images, f"predictions, {name}", unit="image", leave=False, disable=None):
        started = time.perf_counter()
        said.append(predict(image))
        seconds.append(time.perf_counter() - started)
    after = client.traffic
    up, down = after.bytes_up - before.bytes_up, after.bytes_down - before.bytes_down
    return _Run(
        classes=np.array([one.probabilities[0].argmax() for one in said]),
        answers=tuple(one.labels[0] for one in said),
        seconds=tuple(seconds),
        x=np.stack([_samples(x) for x in transport.sent]).astype(np.float32),
        up=up / len(images),
        down=down / len(images),
    )


def _samples(x: NDArray[np.generic]) -> NDArray[np.generic]:
    """One request: k samples of a permutation, or the one sample of k components."""
    return x if len(x) > 1 else x[0]


def components_of(network: SplitNetwork, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Split what was sent into its rows: (N, kC, ...) -> (N, k, C, ...)."""
    return x.reshape(len(x), network.components, -1, *x.shape[2:])
