"""Was this image one of those that the network was trained on? Concerns the training data, not the input."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.scene.scene import Device, Floats, Samples

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

    def run(self, context: Context) -> Findings:
        """estimate: of the test images, then of as many training images, drawn from the seed.
        reference: the same with the right angle."""
        view = context.view
        rows = np.random.default_rng(context.seed).permutation(len(view.train))[: len(view.test)]
        exclusive = view.train.labels.ndim == 1  # classes, not attributes
        test, train = (
            _Asked(view.device, part, exclusive, view.rotated) for part in (view.test.x, view.train.x[rows])
        )
        angles = np.linspace(0, 2 * np.pi, context.effort.angles, endpoint=False)
        estimate = np.concatenate([each.surest(angles) for each in (test, train)])
        context.watch.advance()

        def unhidden(truth: Samples) -> Floats:
            known = None if view.train.theta is None else view.train.theta[rows]
            return np.concatenate([test.right(truth.theta), train.right(known)])

        return Findings(estimate, unhidden=unhidden)


class _Asked:
    """What the processing module and the decoder say of some transmissions."""

    def __init__(self, device: Device, x: Floats, exclusive: bool, rotated: bool) -> None:
        self.device, self.exclusive, self.rotated = device, exclusive, rotated
        parts = np.array_split(x, -(-len(x) // BATCH))
        self.h = np.concatenate([device.process(part) for part in parts])

    def right(self, theta: NDArray[np.float64] | None) -> Floats:
        """By the device's own angles (N,), None where nothing is rotated: (N,)."""
        return self._sure(self.h if theta is None else unrotate(self.h, theta))

    def surest(self, angles: NDArray[np.float64]) -> Floats:
        """By the best of these angles, (N,)."""
        if not self.rotated:
            return self.right(None)
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
