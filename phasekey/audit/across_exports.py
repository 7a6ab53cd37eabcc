"""One image across n exports whose encoders differ: what the transmissions share is the feature.

A device derives its secret anew for another encoder. So whoever sees an image of it under n of them sees n
planes in which the feature lies, or nearly, and by linear algebra alone comes the closer to it the more there
are. This is the scene of networks whose encoder goes on learning, by `phasekey federate --thaw-encoder`.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.errors import AuditError
from phasekey.audit.numerics.arrays import Floats, Pixels
from phasekey.audit.numerics.bootstrap import mean_interval
from phasekey.audit.numerics.metrics import cosine
from phasekey.audit.numerics.rotation import hide, major_axis, parts, unrotate
from phasekey.audit.scene.scene import Device
from phasekey.audit.subject.stage import require_fit
from phasekey.audit.subject.subject import Subject, open_checkpoint
from phasekey.files import write_whole
from phasekey.training.data.dataset import ImageDataset

FILE = "exports.json"
MOST = 500  # images
BLOCK = 100  # images at a time


@dataclass(frozen=True)
class Shared:
    """How near an attacker comes to the feature who saw an image under so many exports.

    Attributes:
        exports: n.
        cosine: with what the n features have in common, the mean of them at length one; absolute, mean over
            images.
        low, high: its 95 % interval.
    """

    exports: int
    cosine: float
    low: float
    high: float


def send_across(devices: Sequence[Device], images: Pixels, seed: int) -> list[Floats]:
    """Send each image once under each export.

    Args:
        devices: of the exports; the same encoder sends the same x, as the sdk derives it.
        images: uint8 (N, H, W, C).
        seed: of secrets and decoys.

    Returns:
        For each export x, (N, 2C', ...).
    """
    sent: list[Floats] = []
    features = [device.encode(images) for device in devices]
    for number, (device, feature) in enumerate(zip(devices, features, strict=True)):
        same = [before for before in range(number) if np.array_equal(features[before], feature)]
        if same:
            sent.append(sent[same[0]])
            continue
        rng = np.random.default_rng((seed, number))
        theta = rng.uniform(0, 2 * np.pi, len(images))
        sent.append(hide(feature, device.decoys(len(images), rng), theta))
    return sent


def nearest_to_all(sent: Sequence[Floats]) -> Floats:
    """Find the direction that lies nearest to the planes of all transmissions of an image.

    Args:
        sent: for each export x, (N, 2C', ...), row by row of the same images.

    Returns:
        Unit vectors (N, D): the first eigenvector of the sum of projectors on the planes; the longest
        direction of the first plane where all are one.
    """
    rows = range(0, len(sent[0]), BLOCK)
    return np.concatenate([_nearest([x[at : at + BLOCK] for x in sent]) for at in rows])


def _nearest(sent: list[Floats]) -> Floats:
    bases = []
    for x in sent:
        z = parts(x)
        bases.append(np.linalg.qr(np.stack([z.real, z.imag], axis=2).astype(np.float64)).Q)
    left, values, _ = np.linalg.svd(np.concatenate(bases, axis=2), full_matrices=False)
    tied = np.isclose(values[:, 0], values[:, 1], rtol=1e-4)  # one plane: every direction of it is as near
    longest = unrotate(sent[0], major_axis(sent[0])).reshape(len(left), -1)
    longest = longest / np.linalg.norm(longest, axis=1, keepdims=True)
    found: Floats = np.where(tied[:, None], longest, left[:, :, 0]).astype(np.float32)
    return found


def measure(devices: Sequence[Device], images: Pixels, seed: int = 0) -> list[Shared]:
    """Measure what 1, 2, … of the exports give away together.

    Args:
        devices: of the exports, in their order.
        images: uint8 (N, H, W, C), not of training.
        seed: of secrets and decoys.
    """
    sent, features = send_across(devices, images, seed), [_unit(device.encode(images)) for device in devices]
    return [
        Shared(count, *mean_interval(_likeness(sent[:count], features[:count]), seed))
        for count in range(1, len(devices) + 1)
    ]


def _likeness(sent: list[Floats], features: list[Floats]) -> NDArray[np.float64]:
    return np.abs(cosine(nearest_to_all(sent), np.mean(features, axis=0)))


def _unit(feature: Floats) -> Floats:
    flat = feature.reshape(len(feature), -1)
    found: Floats = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    return found


def compare_exports(checkpoints: Sequence[Path], dataset: ImageDataset, folder: Path) -> str:
    """Audit checkpoints of one line together, and write exports.json.

    Args:
        checkpoints: in their order, two or more.
        dataset: whose test images are sent.
        folder: for exports.json; made where it is missing.

    Returns:
        A table for people.

    Raises:
        AuditError: they do not rotate, differ in images, labels or features, or the folder cannot be written
            to.
        TrainingError: a file is no checkpoint.
    """
    subjects = [open_checkpoint(path) for path in checkpoints]
    for path, subject in zip(checkpoints, subjects, strict=True):
        _require_alike(path, subject, subjects[0])
        require_fit(subject, dataset)
    found = measure([subject.device for subject in subjects], dataset.test.images[:MOST])
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AuditError(f"cannot write {str(folder)!r}: {error.strerror}") from error
    text = json.dumps({"shared": [asdict(row) for row in found], "data": dataset.name}, indent=2)
    write_whole(folder / FILE, f"{text}\n".encode(), error=AuditError)
    return _table(found)


def _require_alike(path: Path, subject: Subject, first: Subject) -> None:
    if not subject.device.rotated or subject.promise is not None:
        raise AuditError(
            f"{str(path)!r} has no rotation of two components; this scene is of those. Of the mode bounded, "
            "audits attack several transmissions anyway"
        )
    if (subject.image, subject.labels, subject.facts["feature"]) != (
        first.image, first.labels, first.facts["feature"],
    ):  # fmt: skip
        raise AuditError(f"{str(path)!r} differs from the first in images, labels or the feature's shape")


def _table(found: list[Shared]) -> str:
    rows = [f"{row.exports:>8}  {row.cosine:.3f}   {row.low:.3f} to {row.high:.3f}" for row in found]
    return "\n".join(["one image across exports: |cosine| with its feature, by linear algebra alone", "",
                      " exports  cosine  95% interval", *rows])  # fmt: skip
