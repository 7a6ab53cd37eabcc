"""Real images for int8: of the training split alone, of the task that was trained, or a clear word."""

from dataclasses import replace

import numpy as np
import pytest

from export.checks.transmissions import transmissions
from export.conversion.calibration import IMAGES, calibration_x, load_calibration, some
from export.errors import ExportError
from export.session import open_graph


def test_calibration_is_on_training_images_alone(checkpoint, graphs) -> None:
    dataset = load_calibration(checkpoint)
    images, labels = some(dataset.train, IMAGES)
    assert images.shape == (200, 32, 32, 1)
    assert len(np.unique(labels)) == 10
    fed = np.concatenate(list(calibration_x(checkpoint.network, graphs.encoder, dataset)))
    sent = transmissions(checkpoint.network, open_graph(graphs.encoder), images)
    expected = np.concatenate([x for x, _ in sent])
    np.testing.assert_allclose(fed, expected, atol=1e-5)


def test_data_that_is_not_there_says_what_to_give(checkpoint) -> None:
    gone = replace(checkpoint, config={**checkpoint.config, "data": "nowhere.tar"})
    with pytest.raises(ExportError, match=r"trained on cannot be read: no data called .*--calibration DATA"):
        load_calibration(gone)
    with pytest.raises(ExportError, match="--calibration cannot be read"):
        load_calibration(checkpoint, "nowhere.tar")
    assert load_calibration(gone, "digits").name == "digits"
    with pytest.raises(ExportError, match="does not say what it was trained on; give --calibration"):
        load_calibration(replace(checkpoint, config={}))


def test_data_of_another_task_is_refused(checkpoint) -> None:
    other = replace(checkpoint, labels=tuple("abcdefghij"))
    with pytest.raises(ExportError, match="give data of the task that it was trained on"):
        load_calibration(other, "digits")
