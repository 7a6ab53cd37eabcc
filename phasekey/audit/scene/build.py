"""From a device and images to a scene: the splits, their transmissions, repeated queries and the pool."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.budget import Effort
from phasekey.audit.numerics.rotation import hide
from phasekey.audit.scene.scene import REPEATS, Box, DecoyLaw, Device, Floats, Pixels, Pool, Samples, Scene

Keys = Literal["derived", "fresh"]
Rng = np.random.Generator

POOL = 3000  # candidates of a decoy pool
NOISE = 4.0  # grey levels of 255, of a camera in good light
LIGHT = 1.03  # of the next frame


@dataclass(frozen=True)
class Labelled:
    """Images with what is known of them.

    Attributes:
        images: uint8 (N, H, W, C).
        labels: the task's, (N,) or (N, A).
        property: that attacks look for, (N,).
    """

    images: Pixels
    labels: NDArray[np.int64]
    property: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, rows: NDArray[np.int64]) -> "Labelled":
        """The same of some rows alone.

        Args:
            rows: (M,) int64.

        Returns:
            M images.
        """
        return Labelled(self.images[rows], self.labels[rows], self.property[rows])


def build_scene(
    device: Device, known: Labelled, unseen: Labelled, effort: Effort, seed: int, *,
    property_names: tuple[str, ...], property_is_task: bool = False,
    decoy_law: DecoyLaw = "device", keys: Keys = "derived", box: Box = "white",
) -> Scene:  # fmt: skip
    """All that attacks need: splits, their transmissions, repeats and the pool.

    Args:
        device: under attack.
        known: images that the network may have been trained on: the attacker trains on them.
        unseen: images that it was not trained on; the attacker chooses on some and is scored on
            others.
        effort: how many of each.
        seed: of splits, angles and decoys.
        property_names: classes of the property.
        property_is_task: whether the task's own label stands in for it.
        decoy_law: what the device itself draws, or the features of other known images, as in
            training.
        keys: derived sends the same x for the same image, as the sdk does; fresh draws anew.
        box: whether attackers hold the device's software.

    Returns:
        The scene.
    """
    rng = np.random.default_rng(seed)
    train, validation, test = _splits(known, unseen, effort, rng)
    features = {"train": device.encode(train.images)}
    candidates = _candidates(device, features["train"], decoy_law, rng)

    def sent(images: Labelled, feature: Floats) -> tuple[Samples, NDArray[np.int64]]:
        return _send(device, images, feature, candidates, decoy_law, rng)

    first, member = sent(test, device.encode(test.images))
    repeats = {name: _repeat(name, device, test, first, keys, sent, rng) for name in REPEATS}
    return Scene(
        device=device,
        train=sent(train, features["train"])[0],
        validation=sent(validation, device.encode(validation.images))[0],
        test=first,
        property_names=property_names,
        property_is_task=property_is_task,
        repeats=repeats if device.rotated else {},
        pool=Pool(candidates, member) if candidates is not None else None,
        box=box,
    )


def _splits(
    known: Labelled, unseen: Labelled, effort: Effort, rng: Rng
) -> tuple[Labelled, Labelled, Labelled]:
    rows = rng.permutation(len(unseen))
    # At least half of what the network never saw is for the score.
    chosen = min(effort.validation_images, len(rows) // 2)
    train = known.rows(rng.permutation(len(known))[: effort.train_images])
    return train, unseen.rows(rows[:chosen]), unseen.rows(rows[chosen:][: effort.test_images])


def _candidates(device: Device, features: Floats, law: DecoyLaw, rng: Rng) -> Floats | None:
    """What the attacker tests for being the decoy: the pool itself where decoys are other images' features,
    his own draws by the device's law where there is no pool."""
    if not device.rotated:
        return None
    return features[:POOL] if law == "another-input" else device.decoys(POOL, rng)


def _send(
    device: Device, images: Labelled, feature: Floats, pool: Floats | None, law: DecoyLaw, rng: Rng
) -> tuple[Samples, NDArray[np.int64]]:
    count, member = len(images), np.full(len(images), -1, np.int64)
    if pool is None:
        x = device.send(feature, rng)
        return Samples(images.images, feature, x, images.labels, images.property), member
    theta = rng.uniform(0, 2 * np.pi, count)
    if law == "device":
        decoy = device.decoys(count, rng)
    else:
        member = rng.integers(len(pool), size=count)
        decoy = pool[member]
    x = hide(feature, decoy, theta)
    return Samples(images.images, feature, x, images.labels, images.property, theta, decoy), member


def _repeat(
    name: str, device: Device, test: Labelled, first: Samples, keys: Keys,
    sent: Callable[[Labelled, Floats], tuple[Samples, NDArray[np.int64]]], rng: Rng,
) -> Samples:  # fmt: skip
    if name == "exact" and keys == "derived":
        return first
    images = CHANGES[name](test.images, rng)
    return sent(Labelled(images, test.labels, test.property), device.encode(images))[0]


def _shifted(images: Pixels, rng: Rng) -> Pixels:  # noqa: ARG001 - one signature for all changes
    return np.concatenate([images[:, :, :1], images[:, :, :-1]], axis=2)


def _noisy(images: Pixels, rng: Rng) -> Pixels:
    return _pixels(images + NOISE * rng.standard_normal(images.shape))


def _next_frame(images: Pixels, rng: Rng) -> Pixels:
    return _noisy(_pixels(LIGHT * _shifted(images, rng)), rng)


def _pixels(values: NDArray[np.floating]) -> Pixels:
    pixels: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return pixels


CHANGES: Mapping[str, Callable[[Pixels, Rng], Pixels]] = {
    "exact": lambda images, rng: images,  # noqa: ARG005
    "shifted": _shifted,
    "noisy": _noisy,
    "next-frame": _next_frame,
}
