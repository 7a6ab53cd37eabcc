"""The parts of the check that servers agree, with our runtime as the server: never which others there are."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.interoperation import (
    BATCH,
    IMAGES,
    Agreement,
    InProcess,
    answers,
    compare,
    render,
    status,
    workload_of,
)
from benchmarks.serving.peers import PEERS
from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from sdk import EdgeClient, Prediction

SECRET = bytes(range(32))


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHASEKEY_DATA_DIR", str(tmp_path / "device"))


def test_a_server_gives_the_answers_of_the_graph_by_one_request_by_several_and_as_a_stream(
    small_export,
) -> None:
    bundle, images = small_export.edge.parent, small_export.network.images(IMAGES)
    workload = workload_of(bundle)
    with EdgeClient(bundle, transport=InProcess(workload.graph), secret=SECRET) as client:
        wanted = client.predict(images)
    running = start(ServerConfig(model_repository=small_export.cloud, listen="127.0.0.1:0"))
    try:
        found = list(answers(bundle, running.address, SECRET, images))
    finally:
        running.stop(0)
    agreement = compare(found, wanted)
    assert BATCH < IMAGES
    assert (agreement.answers, agreement.labels) == (3 * IMAGES, 3 * IMAGES)
    assert agreement.classes > 1
    assert agreement.whole
    np.testing.assert_allclose(wanted.probabilities, small_export.network.probabilities(images), atol=1e-5)


def test_a_wrong_answer_shows() -> None:
    right = Prediction(["a", "b"], np.array([[0.9, 0.1], [0.2, 0.8]], np.float32))
    other = Prediction(["a", "a"], np.array([[0.9, 0.1], [0.6, 0.4]], np.float32))
    agreement = compare([right, other], right)
    assert (agreement.answers, agreement.labels, agreement.classes) == (4, 3, 2)
    assert agreement.difference == pytest.approx(0.4)
    assert not agreement.whole
    assert not Agreement(4, 4, 2, 0.1).whole


def test_servers_are_told_the_bundle_s_name_and_tensors(small_export, tmp_path: Path) -> None:
    workload = workload_of(small_export.edge.parent)
    assert workload.model == small_export.manifest.model_name
    assert 'backend: "python"' in workload.configuration("python")
    assert small_export.manifest.bundle_id in workload.configuration("python")
    for name in ("mlserver", "kserve"):
        (tmp_path / name).mkdir()
        launch = PEERS[name].prepare(Path("/env/bin/python"), tmp_path / name, workload)
        settings = tmp_path / name / "model-settings.json"
        told = json.loads(settings.read_text() if name == "mlserver" else str(launch.command[-1]))
        assert told["inputs"] == [workload.tensor("x")]
        assert told["outputs"][0]["shape"] == [-1, *workload.sizes["h"]]


def test_the_table_says_what_agreed_and_what_did_not_run() -> None:
    text = render({"ours": Agreement(144, 144, 10, 0.0), "kserve": "UnavailableError: no wheel"})
    assert "| ours (`cloud_runtime`) | 144 of 144 | 10 | 0.0e+00 |" in text
    assert "| kserve (kserve==0.21.0) | not run: UnavailableError: no wheel | |  |" in text


def test_the_status_tells_of_disagreement_and_of_a_server_asked_for_that_did_not_run() -> None:
    right, wrong = Agreement(144, 144, 10, 0.0), Agreement(144, 143, 10, 0.0)
    assert status([right, "not here"], asked=False) == 0
    assert status([right, "not here"], asked=True) == 1
    assert status([right, wrong], asked=False) == 1
    assert status([right], asked=True) == 0
