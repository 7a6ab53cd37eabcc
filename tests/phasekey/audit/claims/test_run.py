"""Who is judged on what: no head of a sorted data set stands for the whole."""

import numpy as np

from phasekey.audit.budget import EFFORTS
from phasekey.audit.claims import run
from phasekey.audit.subject.checkpoint_device import CheckpointDevice
from phasekey.audit.subject.promise import promise_of
from phasekey.audit.subject.subject import Subject
from phasekey.model import build_network
from phasekey.model.hiding.promise import guarantee_of
from phasekey.training.data.dataset import ImageDataset, Split


def sorted_by_class(count: int) -> Split:
    """Dark images first, bright ones last, as a folder of classes is read."""
    labels = np.repeat(np.arange(2), count // 2)
    pixels = np.random.default_rng(0).integers(0, 60, (count, 32, 32, 1)) + 190 * labels[:, None, None, None]
    return Split(pixels.astype(np.uint8), labels.astype(np.int64))


def test_films_of_a_sorted_data_set_are_exchangeable(monkeypatch) -> None:
    data = ImageDataset("sorted", ("dark", "bright"), sorted_by_class(20), sorted_by_class(2_000))
    network = build_network(
        "lenet", classes=2, image=(1, 32, 32), form="original", secret="permutation", components=4
    ).eval()
    monkeypatch.setitem(run.STEPS, "control", 20)
    subject = Subject(
        kind="checkpoint", device=CheckpointDevice(network), sha256="", audited="", labels=data.classes,
        image=(32, 32, 1), data=None, carry=None, facts={},
        promise=promise_of(guarantee_of(network), "permutation", 4),
    )  # fmt: skip
    found = {figure.key: figure for figure in run.audit_claim(subject, data, EFFORTS["control"], 0).figures}
    assert found["film-session-4"].kept is True
