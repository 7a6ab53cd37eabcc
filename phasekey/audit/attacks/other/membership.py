"""Was this image one of those that the network was trained on? Concerns the training data, not the input."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.attack import Attack, Findings, Leak, Watch
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.scene.scene import Device, Floats, Samples, Scene

BATCH = 500
SMALLEST = np.float32(1e-30)  # of a probability, so that its logarithm is a number


class Membership(Attack):
    """Networks are surer of what they were trained on. The cloud sees x alone, so it takes the answer of
    whichever angle makes the decoder surest; a device without rotation has only one answer."""

    name: ClassVar[str] = "membership"
    leak: ClassVar[Leak] = "membership"
    title: ClassVar[str] = "Membership of the training data"
    source: ClassVar[str] = "Shokri et al. 2017; threshold on confidence after Yeom et al. 2018"
    how: ClassVar[str] = (
        "Takes an input for one of the training images if the network's answer is very sure, by the angle "
        "that makes it surest."
    )
    remedy: ClassVar[str] = "Train for fewer epochs, or with more augmentation or weight decay."
    needs_rotation: ClassVar[bool] = False
    needs_processing: ClassVar[bool] = True

    def run(
        self,
        scene: Scene,
        effort: Effort,
        seed: int,
        earlier: Mapping[str, Findings],  # noqa: ARG002
        watch: Watch,
    ) -> Findings:
        """estimate: of the test images, then of as many training images: the rows extra["rows"].
        reference: the same with the right angle."""
        rows = np.random.default_rng(seed).permutation(len(scene.train))[: len(scene.test)]
        asked = [_Asked(scene.device, scene.test), _Asked(scene.device, scene.train, rows)]
        angles = np.linspace(0, 2 * np.pi, effort.angles, endpoint=False)
        estimate = np.concatenate([each.surest(angles) for each in asked])
        watch.advance()
        return Findings(estimate, np.concatenate([each.right() for each in asked]), extra={"rows": rows})


class _Asked:
    """What the processing module and the decoder say of some transmissions."""

    def __init__(self, device: Device, samples: Samples, rows: NDArray[np.int64] | None = None) -> None:
        rows = np.arange(len(samples)) if rows is None else rows
        self.device, self.theta = device, None if samples.theta is None else samples.theta[rows]
        self.exclusive = samples.labels.ndim == 1  # classes, not attributes
        parts = np.array_split(samples.x[rows], -(-len(rows) // BATCH))
        self.h = np.concatenate([device.process(part) for part in parts])

    def right(self) -> Floats:
        """By the device's own angle, (N,)."""
        return self._sure(self.h if self.theta is None else unrotate(self.h, self.theta))

    def surest(self, angles: NDArray[np.float64]) -> Floats:
        """By the best of these angles, (N,)."""
        if self.theta is None:
            return self.right()
        count = len(self.h)
        by_angle = [self._sure(unrotate(self.h, np.full(count, angle))) for angle in angles]
        surest: Floats = np.stack(by_angle).max(0)
        return surest

    def _sure(self, processed: Floats) -> Floats:
        parts = np.array_split(processed, -(-len(processed) // BATCH))
        shares = np.concatenate([self.device.decode(part) for part in parts])
        sure: Floats = _log_odds(shares) if self.exclusive else np.abs(_log_odds_each(shares)).mean(1)
        return sure


def _log_odds(shares: Floats) -> Floats:
    """log p / (1 - p) of the likeliest of K classes, which does not saturate as p does: (N, K) -> (N,)."""
    ordered = np.sort(shares, axis=1)
    return _log(ordered[:, -1]) - _log(ordered[:, :-1].sum(1))


def _log_odds_each(shares: Floats) -> Floats:
    """Of attributes that don't exclude each other, (N, A) -> (N, A)."""
    return _log(shares) - _log(1 - shares)


def _log(shares: Floats) -> Floats:
    values: Floats = np.log(np.maximum(shares, SMALLEST))
    return values
