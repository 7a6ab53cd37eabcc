"""The figures of the demo: the same held-out images through the wire and through PyTorch."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from phasekey.bundle import ROTATION, SecretSpec
from phasekey.model import SplitNetwork
from phasekey.model.secrets import rotations
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.data.registry import load_dataset
from phasekey.training.evaluate import to_float
from sdk import DerivedKeys, EdgeClient, Secrets

SHOWN = 5  # images in the picture


@dataclass(frozen=True)
class Shown:
    """What the picture needs: inputs, and the network with the angles and decoys that were used."""

    network: SplitNetwork
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    theta: Tensor
    decoy: Tensor


@dataclass(frozen=True)
class Results:
    """Accuracies and agreement as shares, latency in milliseconds, traffic in bytes per image."""

    images: int
    accuracy_torch: float
    accuracy_wire: float
    agreement: float
    latency: float
    bytes_up: float
    bytes_down: float
    shown: Shown

    def table(self) -> str:
        """The figures for people."""
        rows = [
            ("held-out images", f"{self.images}"),
            ("accuracy, PyTorch, no rotation (θ = 0, same decoys)", f"{self.accuracy_torch:.2%}"),
            ("accuracy, through the wire", f"{self.accuracy_wire:.2%}"),
            ("same prediction as PyTorch, same θ and decoys", f"{self.agreement:.2%}"),
            ("latency per image, median, one at a time", f"{self.latency:.2f} ms"),
            ("bytes up / down per image", f"{self.bytes_up:,.0f} / {self.bytes_down:,.0f}"),
        ]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


class RecordingKeys:
    """Draws as DerivedKeys does, and keeps what it drew, so that PyTorch can be given the same.

    For measuring only: an app never holds on to its angles.
    """

    def __init__(self) -> None:
        self._keys, self.drawn = DerivedKeys(), list[Secrets]()

    def draw(self, images: NDArray[np.generic], noise_size: int, secret: SecretSpec = ROTATION) -> Secrets:
        """Matrices and noise for images (N, H, W, C)."""
        self.drawn.append(self._keys.draw(images, noise_size, secret))
        return self.drawn[-1]

    def theta(self) -> Tensor:
        """All angles so far, (N,) radians, in float32 as the network computes."""
        return torch.from_numpy(np.concatenate([secrets.theta for secrets in self.drawn])).float()

    def noise(self) -> Tensor:
        """The noise of all decoys so far, (N, Z)."""
        return torch.from_numpy(np.concatenate([secrets.noise for secrets in self.drawn]))


def measure(checkpoint: Path, bundle: Path, target: str) -> Results:
    """Send the held-out digits one by one, then compare with PyTorch given the same θ and decoys."""
    network = load_checkpoint(checkpoint).network
    test = load_dataset("digits", None).test
    held_out = test.images[:]  # as an array, however the data set keeps them
    keys = RecordingKeys()
    with EdgeClient(bundle, target=target, keys=keys) as client:
        client.predict(held_out[:1])  # the connection is made here, and is not part of the latency
        keys.drawn.clear()
        before = client.traffic
        wire, latencies = _predict(client, held_out)
        up = (client.traffic.bytes_up - before.bytes_up) / len(wire)
        down = (client.traffic.bytes_down - before.bytes_down) / len(wire)
    theta = keys.theta()
    with torch.no_grad():
        images, decoy = (
            to_float(torch.from_numpy(held_out)),
            network.encoder(network.sampler(keys.noise())),
        )
        rows = network.among_decoys(network.encoder(images), decoy[:, None])
        plain = network.answer(rows, rotations(torch.zeros_like(theta))).argmax(1).numpy()
        rotated = network.answer(rows, rotations(theta)).argmax(1).numpy()
    return Results(
        images=len(wire),
        accuracy_torch=float((plain == test.labels).mean()),
        accuracy_wire=float((wire == test.labels).mean()),
        agreement=float((wire == rotated).mean()),
        latency=1000 * statistics.median(latencies),
        bytes_up=up,
        bytes_down=down,
        shown=Shown(network, held_out[:SHOWN], test.labels[:SHOWN], theta[:SHOWN], decoy[:SHOWN]),
    )


def _predict(client: EdgeClient, images: NDArray[np.uint8]) -> tuple[NDArray[np.intp], Sequence[float]]:
    classes, latencies = [], []
    for image in tqdm(images, "private predictions", unit="image", leave=False, disable=None):
        started = time.perf_counter()
        prediction = client.predict(image)
        latencies.append(time.perf_counter() - started)
        classes.append(int(prediction.probabilities[0].argmax()))
    return np.array(classes), latencies
