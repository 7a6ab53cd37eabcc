"""Versions, loading and unloading, as a client sees them and from within."""

import logging

import numpy as np
import pytest

from cloud_runtime.errors import CloudRuntimeError, ModelNotFoundError
from cloud_runtime.repository.models import IndexEntry, ModelRepository

THREE = "max_batch_size: 8 version_policy { %s }"


@pytest.fixture
def three(tmp_path, write_model, plain):
    """A model with versions 1, 2 and 10, whose policy may be written anew: three(policy) → repository."""
    folder = write_model(tmp_path, "m", plain)
    for version in ("2", "10"):
        (folder / version).mkdir()
        (folder / version / "model.onnx").write_bytes(plain[0])

    def load(policy):
        (folder / "config.pbtxt").write_text(THREE % policy if policy else "max_batch_size: 8")
        repository = ModelRepository(tmp_path)
        repository.load_all()
        return repository

    return load


@pytest.mark.parametrize(
    ("policy", "versions"),
    [
        ("", ("10",)),
        ("latest { num_versions: 2 }", ("2", "10")),
        ("all { }", ("1", "2", "10")),
        ("specific { versions: [ 1, 10 ] }", ("1", "10")),
    ],
)
def test_the_version_policy_chooses(three, policy, versions):
    repository = three(policy)
    assert repository.versions("m") == versions
    assert repository.find("m").version == "10"
    for version in versions:
        assert repository.find("m", version).version == version
    with pytest.raises(ModelNotFoundError, match="has no version '3' here"):
        repository.find("m", "3")


def test_a_version_that_is_not_there_is_said(three):
    with pytest.raises(CloudRuntimeError, match=r"names \[7\], the folder has \[1, 2, 10\]"):
        three("specific { versions: 7 }")


def test_what_did_not_change_is_not_loaded_again(three, tmp_path):
    repository = three("all { }")
    before = {version: repository.find("m", version) for version in repository.versions("m")}
    (tmp_path / "m" / "11").mkdir()
    (tmp_path / "m" / "11" / "model.onnx").write_bytes((tmp_path / "m" / "1" / "model.onnx").read_bytes())
    repository.load("m")
    assert repository.versions("m") == ("1", "2", "10", "11")
    assert all(repository.find("m", version) is model for version, model in before.items())


def test_a_load_that_fails_leaves_the_former_in_service(tmp_path, write_model, plain, x):
    path = write_model(tmp_path, "m", plain) / "1" / "model.onnx"
    repository = ModelRepository(tmp_path)
    repository.load("m")
    served = repository.find("m")
    path.write_bytes(b"half a fi")
    with pytest.raises(CloudRuntimeError, match="is not an ONNX graph"):
        repository.load("m")
    assert repository.find("m") is served
    assert served.process({"x": x})["h"].shape == (2, 6, 3, 3)


def test_names_cannot_leave_the_repository(tmp_path, write_model, plain):
    write_model(tmp_path / "inside", "m", plain)
    write_model(tmp_path, "outside", plain)
    repository = ModelRepository(tmp_path / "inside")
    for name in ("../outside", "..", ".", "", "m/1"):
        with pytest.raises(ModelNotFoundError):
            repository.load(name)


def test_the_index_tells_every_state(tmp_path, write_model, plain):
    write_model(tmp_path, "a", plain)
    write_model(tmp_path, "b", plain)
    write_model(tmp_path, "c", (b"", plain[1]))
    repository = ModelRepository(tmp_path)
    repository.load("a")
    repository.load("b")
    repository.unload("b")
    with pytest.raises(CloudRuntimeError):
        repository.load("c")
    assert repository.index() == (
        IndexEntry("a", "1", "READY"),
        IndexEntry("b", "", "UNAVAILABLE", "unloaded"),
        IndexEntry("c", "", "UNAVAILABLE", "failed to load; the server's log says why"),
    )
    with pytest.raises(ModelNotFoundError, match="'b' is not loaded"):
        repository.unload("b")


def test_a_model_whose_requests_would_not_fit_is_not_loaded(tmp_path, write_model, plain):
    write_model(tmp_path, "m", plain)
    repository = ModelRepository(tmp_path)
    repository.largest_request = 8 * 4 * 25 * 4 - 1
    with pytest.raises(CloudRuntimeError, match="takes requests of 3200 bytes"):
        repository.load("m")


def test_a_model_is_warm_before_it_is_found(tmp_path, write_model, plain, caplog):
    caplog.set_level(logging.INFO)
    write_model(tmp_path, "m", (plain[0], plain[1] + 'model_warmup { name: "w" batch_size: 5 }'))
    sizes = []
    repository = ModelRepository(tmp_path)
    from cloud_runtime.serving.processor import Processor

    run = Processor.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Processor, "run", lambda self, x: (sizes.append(len(x["x"])), run(self, x))[1])
        repository.load("m")
    assert sizes == [1, 5, 8]
    assert np.isfinite(repository.find("m").run({"x": np.ones((1, 4, 5, 5), np.float32)})["h"]).all()
