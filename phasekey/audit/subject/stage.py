"""From a subject and a data set to the scene of the attacks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.budget import Effort
from phasekey.audit.errors import AuditError
from phasekey.audit.scene.build import POOL, Keys, Labelled, build_scene
from phasekey.audit.scene.scene import REPEATS, Box, DecoyLaw, Floats, Pixels, Samples, Scene
from phasekey.audit.subject.subject import Subject
from phasekey.training.data.dataset import ImageDataset, Split

MOST_BYTES = 2 * 10**9  # of features and transmissions
FEWEST = 200  # images of the test split: fewer say little


@dataclass(frozen=True)
class Terms:
    """How the device behaves in the audit, and what its software tells the attacker.

    Attributes:
        decoy_law: what the device draws, or features of other known images.
        keys: derived from a secret and the image, or drawn afresh.
        box: white tells the software, black does not.
    """

    decoy_law: DecoyLaw = "device"
    keys: Keys = "derived"
    box: Box = "white"


@dataclass(frozen=True)
class Stage:
    """What attacks run on.

    Attributes:
        scene: with the truth.
        effort: the budget as it came to be.
        notes: sentences for the report on what was chosen and why.
    """

    scene: Scene
    effort: Effort
    notes: tuple[str, ...]


def build_stage(subject: Subject, dataset: ImageDataset, effort: Effort, seed: int, terms: Terms) -> Stage:
    """Lay out the attacks' scene: attackers train on the data's training images, and are chosen and scored on
    its test images.

    Args:
        subject: under audit.
        dataset: of images.
        effort: the budget.
        seed: of all draws.
        terms: how the device behaves.

    Returns:
        The scene, the budget as memory allows for it, and notes.

    Raises:
        AuditError: images or classes are not what the network takes and tells.
    """
    require_fit(subject, dataset)
    known, unseen, names, choice = _labelled(dataset)
    feature = subject.device.encode(known.images[:2])[0]
    available = replace(effort, train_images=min(effort.train_images, len(known)))
    effort, saving = within_memory(available, int(np.prod(subject.image)), feature.nbytes)
    scene = build_scene(
        subject.device, known, unseen, effort, seed,
        property_names=names, property_is_task=dataset.train.hidden is None,
        decoy_law=terms.decoy_law, keys=terms.keys, box=terms.box,
    )  # fmt: skip
    if subject.carry is not None:
        scene = carried(scene, subject.carry)
    return Stage(scene, effort, tuple(note for note in (choice, saving) if note))


def require_fit(subject: Subject, dataset: ImageDataset) -> None:
    """Refuse data that a subject was not made for.

    Args:
        subject: what is audited.
        dataset: what it is to be audited on.

    Raises:
        AuditError: images or classes are not what the network takes and tells.
    """
    if dataset.train.images.shape[1:] != subject.image:
        raise AuditError(
            f"the network takes images of {_size(subject.image)} (height, width, channels), but data "
            f"{dataset.name!r} has {_size(dataset.train.images.shape[1:])}; give the data it was trained on"
        )
    if dataset.classes != subject.labels:
        raise AuditError(
            f"the network tells {_some(subject.labels)}, but data {dataset.name!r} has "
            f"{_some(dataset.classes)}; give data of the same classes"
        )


def _size(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))


def _some(names: tuple[str, ...]) -> str:
    return f"{len(names)} classes ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"


def _labelled(dataset: ImageDataset) -> tuple[Labelled, Labelled, tuple[str, ...], str | None]:
    """The training and the test images, names of the property's classes, and which property was chosen."""

    def labelled(split: Split) -> Labelled:
        values = _candidates(split)
        first = values if values.ndim == 1 else values[:, 0]
        # LazyImages look like an array as far as a few rows at a time are asked for.
        return Labelled(cast(Pixels, split.images), split.labels, first)

    hidden = dataset.train.hidden is not None
    names, note = dataset.hidden_classes if hidden else dataset.classes, None
    if _candidates(dataset.train).ndim > 1:
        note = (
            f"of {len(names)} {'hidden ' if hidden else ''}attributes, inference attacks looked for the "
            f"first, {names[0]}"
        )
        names = (f"not {names[0]}", names[0])
    return labelled(dataset.train), labelled(dataset.test), names, note


def _candidates(split: Split) -> NDArray[np.int64]:
    return split.labels if split.hidden is None else split.hidden


def within_memory(
    effort: Effort, image_bytes: int, feature_bytes: int, most: int = MOST_BYTES
) -> tuple[Effort, str | None]:
    """The budget with so many images that features, decoys and transmissions fit.

    Training images give way first, down to half of the memory; then the others, to no fewer than 200.

    Args:
        effort: as asked for.
        image_bytes: of one image.
        feature_bytes: of one feature.
        most: bytes.

    Returns:
        The budget, and a sentence on what that cost, None where it cost nothing.
    """
    each = 4 * feature_bytes + image_bytes  # a, b and the two halves of x
    sent = len(REPEATS) + 1  # times that a test image goes out
    scored = (effort.validation_images + sent * effort.test_images) * each + POOL * feature_bytes
    share = min(1.0, most / 2 / scored)
    test = min(effort.test_images, max(FEWEST, int(share * effort.test_images)))
    validation = min(effort.validation_images, max(FEWEST, int(share * effort.validation_images)))
    left = most - (validation + sent * test) * each - POOL * feature_bytes
    train = min(effort.train_images, max(FEWEST, left // each))
    kept = replace(effort, train_images=train, validation_images=validation, test_images=test)
    return kept, None if kept == effort else _saving(effort, kept, most)


def _saving(asked: Effort, kept: Effort, most: int) -> str:
    return (
        f"to stay within {most / 1e9:.0f} GB, at most {kept.train_images:,} training, "
        f"{kept.validation_images:,} validation and {kept.test_images:,} test images were used, where "
        f"{asked.train_images:,}, {asked.validation_images:,} and {asked.test_images:,} were there for "
        f"the budget {asked.name}"
    )


def carried(scene: Scene, carry: Callable[[Floats], Floats]) -> Scene:
    """The scene as it is behind the wire: every x rounded as it travels.

    Args:
        scene: as the device sends.
        carry: x (N, 2C', ...) -> what arrives of it.

    Returns:
        The scene with other x.
    """

    def arrive(samples: Samples) -> Samples:
        return replace(samples, x=carry(samples.x))

    test = arrive(scene.test)
    repeats = {
        # A repeated input that sends the same x is the same samples: see build_scene.
        name: test if samples is scene.test else arrive(samples)
        for name, samples in scene.repeats.items()
    }
    return replace(
        scene, train=arrive(scene.train), validation=arrive(scene.validation), test=test, repeats=repeats
    )
