"""What an attacker holds and what he is scored on, as arrays; no torch and no model in here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.numerics.arrays import Floats as Floats
from phasekey.audit.numerics.arrays import Pixels as Pixels

Box = Literal["white", "black"]
DecoyLaw = Literal["device", "another-input"]

# How a repeated query differs from the first: not at all, by one pixel to the side, by sensor noise, or by
# all that the next frame of a film brings (shift, noise and light).
REPEATS = ("exact", "shifted", "noisy", "next-frame")


class Device(Protocol):
    """What an attacker can ask of the device under audit: he has the same software (Kerckhoffs).

    rotated: False for forms without rotation, whose x is the feature itself (with noise, of noisy forms).
    processes: False where only the device's half is at hand; `process` then raises AuditError.
    """

    rotated: bool
    processes: bool

    def encode(self, images: Pixels) -> Floats:
        """a = g(I).

        Args:
            images: uint8 (N, H, W, C).

        Returns:
            (N, C', ...) float32.
        """

    def decoys(self, count: int, rng: np.random.Generator) -> Floats:
        """Fresh decoys by the law under audit; only of a device that rotates.

        Args:
            count: how many.
            rng: to draw from.

        Returns:
            (count, C', ...) float32.
        """

    def send(self, feature: Floats, rng: np.random.Generator) -> Floats:
        """What a device that does not rotate sends: the feature, with fresh noise in noisy forms.

        Args:
            feature: (N, C', ...).
            rng: to draw the noise from.

        Returns:
            (N, C', ...) float32.
        """

    def process(self, x: Floats) -> Floats:
        """h = Φ(x), what the cloud computes.

        Args:
            x: as on the wire.

        Returns:
            h, pair layout (N, 2D, ...) if rotated.

        Raises:
            AuditError: only the device's half is at hand.
        """

    def decode(self, processed: Floats) -> Floats:
        """d of Re[h e^{-iθ}], of h itself if not rotated.

        Args:
            processed: (N, D, ...).

        Returns:
            Probabilities (N, K).
        """


@dataclass(frozen=True)
class Samples:
    """N transmissions, and the truth behind them, row by row.

    Attributes:
        images: uint8 (N, H, W, C).
        feature: a = g(I), (N, C', ...).
        x: what crossed the wire: pair layout (N, 2C', ...), real block first, if the device rotates;
            else like the feature.
        labels: the task's, (N,) or (N, A).
        property: what inference attacks look for, int64 (N,).
        theta: radians (N,) in [0, 2π); None for a device without rotation.
        decoy: b, like the feature; None likewise.
    """

    images: Pixels
    feature: Floats
    x: Floats
    labels: NDArray[np.int64]
    property: NDArray[np.int64]
    theta: NDArray[np.float64] | None = None
    decoy: Floats | None = None

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Pool:
    """What may have hidden the test images as decoys.

    Attributes:
        candidates: features (M, C', ...).
        member: which of them was the decoy, (N,), -1 where it was none of them.
    """

    candidates: Floats
    member: NDArray[np.int64]


@dataclass(frozen=True)
class Scene:
    """A device under attack: three disjoint splits, and the device to ask.

    Attackers train on `train`, choose on `validation` and are scored on `test`. Neither the network nor its
    checkpoint was trained or chosen on any image of `test`.

    Attributes:
        device: to ask.
        train: to train on.
        validation: to choose on.
        test: to be scored on.
        property_names: classes of Samples.property.
        property_is_task: whether the data has no hidden property, so that the task's own label stands
            in.
        repeats: by a name of REPEATS, the test images sent once more, in the same order.
        pool: decoys that the attacker may know.
        box: black hides feature, decoy, theta and the device from attacks: what is left to train on
            are pairs of image and x.
    """

    device: Device
    train: Samples
    validation: Samples
    test: Samples
    property_names: tuple[str, ...]
    property_is_task: bool = False
    repeats: Mapping[str, Samples] = field(default_factory=dict)
    pool: Pool | None = None
    box: Box = "white"

    @property
    def rotated(self) -> bool:
        """Whether there is an angle to find."""
        return self.device.rotated
