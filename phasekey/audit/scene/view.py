"""What an attacker holds: the scene without the test split's truth, in a black box without secrets."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from phasekey.audit.errors import AuditError
from phasekey.audit.scene.scene import Device, Floats, Samples, Scene


class Transmissions(Protocol):
    """What every split has, whatever else is known of it: x as the cloud got it, and how many."""

    @property
    def x(self) -> Floats:
        """(N, 2C', ...) float32, real block first if rotated; else (N, C', ...)."""

    def __len__(self) -> int:
        """N."""


@dataclass(frozen=True)
class Sent:
    """Transmissions of which nobody tells the attacker anything.

    Attributes:
        x: (N, 2C', ...) float32.
    """

    x: Floats

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class AttackerView:
    """All that `Attack.run` may look at.

    There is no truth of `test` in here: an attack that reaches for its images, features, angles or labels
    fails with AttributeError. The runner holds it, and measures with it after the attack has answered.

    Args:
        device: what can be asked; in a black box only the cloud's part of it answers.
        train: to train on; in a black box images, labels and x: `feature` then has no rows, and `theta` and
            `decoy` are None.
        validation: to choose on, likewise.
        test: to attack.
        property_names: classes of Samples.property.
        repeats: the test images sent once more, by a name of REPEATS.
        candidates: features (M, C', ...) that may have been decoys; None where there is no pool.
        white_box: whether the attacker has the device's software.
    """

    device: Device
    train: Samples
    validation: Samples
    test: Sent
    property_names: tuple[str, ...]
    repeats: Mapping[str, Sent] = field(default_factory=dict)
    candidates: Floats | None = None
    white_box: bool = True

    @property
    def rotated(self) -> bool:
        """Whether there is an angle to find."""
        return self.device.rotated


def view_of(scene: Scene) -> AttackerView:
    """The scene as its attacker sees it: by its `box`, with or without the device's software.

    Args:
        scene: with the truth.

    Returns:
        A view without the test split's truth.
    """
    test = Sent(scene.test.x)
    white = scene.box == "white"
    return AttackerView(
        device=scene.device if white else CloudSide(scene.device),
        train=scene.train if white else _pairs(scene.train),
        validation=scene.validation if white else _pairs(scene.validation),
        test=test,
        property_names=scene.property_names,
        repeats={
            name: test if again is scene.test else Sent(again.x) for name, again in scene.repeats.items()
        },
        candidates=None if scene.pool is None else scene.pool.candidates,
        white_box=white,
    )


def _pairs(samples: Samples) -> Samples:
    """Images, labels and x; nothing that only the device's software tells."""
    return replace(samples, feature=samples.feature[:0], theta=None, decoy=None)


class CloudSide:
    """What is left of a device in a black box: the processing module, which the cloud itself runs.

    All else raises AuditError.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self.rotated, self.processes = device.rotated, device.processes

    def encode(self, *_: object, **__: object) -> Floats:
        """Raises AuditError: the encoder is in the device."""
        raise _hidden("encoder")

    def decoys(self, *_: object, **__: object) -> Floats:
        """Raises AuditError: decoys are drawn in the device."""
        raise _hidden("decoys")

    def send(self, *_: object, **__: object) -> Floats:
        """Raises AuditError: only the device sends."""
        raise _hidden("transmitter")

    def process(self, x: Floats) -> Floats:
        """h = Φ(x).

        Args:
            x: (N, 2C', ...).

        Returns:
            (N, 2D, ...).

        Raises:
            AuditError: only the device's half is at hand.
        """
        return self._device.process(x)

    def decode(self, *_: object, **__: object) -> Floats:
        """Raises AuditError: the decoder is in the device."""
        raise _hidden("decoder")


def _hidden(part: str) -> AuditError:
    return AuditError(f"a black box hides the device's {part}; attack with --box white, or leave it alone")
