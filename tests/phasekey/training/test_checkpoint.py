import io
import pickle
import zipfile
from dataclasses import replace

import pytest
import torch

from phasekey.model import build_network
from phasekey.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from phasekey.training.errors import TrainingError

ARCHITECTURE = {
    "arch": "lenet",
    "variant": None,
    "form": "complex",
    "gamma": 0.0,
    "classes": 3,
    "image": (1, 32, 32),
}


@pytest.fixture
def checkpoint():
    torch.manual_seed(5)
    network = build_network(**ARCHITECTURE)
    network.sampler.fit(torch.randint(0, 256, (4, 32, 32, 1), dtype=torch.uint8))
    return Checkpoint(network, ARCHITECTURE, ("a", "b", "c"), {"lr": 0.1}, {"epochs": 2})


@pytest.fixture
def saved(tmp_path, checkpoint):
    save_checkpoint(tmp_path / "model.pt", checkpoint)
    return tmp_path / "model.pt"


def rewrite(path, **changes):
    torch.save({**torch.load(path, weights_only=True), **changes}, path)


def test_a_checkpoint_comes_back_as_it_went(saved, checkpoint):
    loaded = load_checkpoint(saved)
    assert (loaded.labels, dict(loaded.architecture)) == (checkpoint.labels, ARCHITECTURE)
    assert (loaded.config, loaded.facts) == (checkpoint.config, checkpoint.facts)
    expected = checkpoint.network.state_dict()
    assert expected.keys() == loaded.network.state_dict().keys()
    assert all(torch.equal(v, expected[k]) for k, v in loaded.network.state_dict().items())
    assert not loaded.network.training


def test_a_checkpoint_from_before_there_were_secrets_is_a_rotation(saved):
    network = load_checkpoint(saved).network  # its architecture names none
    assert (network.secret, network.components, network.sigma) == ("rotation", 2, 1.0)
    assert network.decoy_source == "gaussian-images"


def test_one_checkpoint_gives_the_same_bytes_under_any_name(tmp_path, saved, checkpoint):
    save_checkpoint(tmp_path / "other.pt", checkpoint)
    assert (tmp_path / "other.pt").read_bytes() == saved.read_bytes()


def test_a_save_that_fails_keeps_the_file_before_it(saved, checkpoint):
    before = saved.read_bytes()
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint(saved, replace(checkpoint, facts={"unsaveable": lambda: None}))
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["model.pt"]


def test_a_disk_that_refuses_is_named(tmp_path, checkpoint):
    with pytest.raises(TrainingError, match=r"cannot write .*nowhere/model\.pt"):
        save_checkpoint(tmp_path / "nowhere" / "model.pt", checkpoint)


def test_a_missing_file_is_named_with_what_writes_it(tmp_path):
    with pytest.raises(TrainingError, match=r"no checkpoint at .*none\.pt.*phasekey train"):
        load_checkpoint(tmp_path / "none.pt")


@pytest.mark.parametrize(
    "content", [b"", b"no checkpoint", b"PK\x03\x04 half a zip", pickle.dumps([1], protocol=2)]
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=r"model\.pt.* is no"):
        load_checkpoint(tmp_path / "model.pt")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(TrainingError, match="cut short"):
        load_checkpoint(saved)


def test_another_format_version_says_which_one_is_read(saved):
    rewrite(saved, format_version=2)
    with pytest.raises(TrainingError, match=r"format 2; this version reads format 1"):
        load_checkpoint(saved)


@pytest.mark.parametrize("part", ["architecture", "labels", "config", "facts", "state_dict"])
def test_a_missing_part_is_named(saved, part):
    rewrite(saved, **{part: None})
    with pytest.raises(TrainingError, match=f"lacks its part '{part}'"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"arch": "lenet99"},
        {"classes": 4},
        {"classes": "many"},
        {"image": (3, 32, 32)},
        {"image": 7},
        {"unheard": 1},
        {"arch": ["lenet"]},
    ],
)
def test_weights_that_do_not_fit_their_network_are_refused(saved, change):
    rewrite(saved, architecture={**ARCHITECTURE, **change})
    with pytest.raises(TrainingError, match="do not fit"):
        load_checkpoint(saved)


def test_labels_that_do_not_match_the_classes_are_refused(saved):
    rewrite(saved, labels=["a"])
    with pytest.raises(TrainingError, match="1 labels for 3 classes"):
        load_checkpoint(saved)


def test_a_network_whose_decoys_were_never_fitted_is_refused(tmp_path, checkpoint):
    save_checkpoint(tmp_path / "model.pt", replace(checkpoint, network=build_network(**ARCHITECTURE)))
    with pytest.raises(TrainingError, match=r"decoys of .*model\.pt' were never fitted.*sampler\.fit"):
        load_checkpoint(tmp_path / "model.pt")


@pytest.mark.parametrize(
    "without", [{"form": "original"}, {"head": "bottleneck", "width": 4, "decoy": "gaussian"}]
)
def test_networks_that_draw_no_images_need_no_fit(tmp_path, checkpoint, without):
    architecture = {**ARCHITECTURE, **without}
    network = build_network(**architecture)
    save_checkpoint(tmp_path / "model.pt", replace(checkpoint, network=network, architecture=architecture))
    assert not load_checkpoint(tmp_path / "model.pt").network.sampler.fitted


class Malicious:
    """Unpickled without care, it writes a file."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (str(self.target), "w"))


def as_pickle(payload):
    return pickle.dumps({"format_version": 1, "state_dict": payload}, protocol=2)


def as_torch_file(payload):
    buffer = io.BytesIO()
    torch.save({"format_version": 1, "state_dict": payload}, buffer)
    return buffer.getvalue()


def as_bare_zip(payload):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(payload, protocol=2))
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [as_pickle, as_torch_file, as_bare_zip])
def test_loading_never_runs_code(tmp_path, pack):
    target = tmp_path / "executed"
    path = tmp_path / "model.pt"
    path.write_bytes(pack(Malicious(target)))
    with pytest.raises(TrainingError):
        load_checkpoint(path)
    assert not target.exists()
    pickle.loads(pickle.dumps(Malicious(target))).close()  # noqa: S301
    assert target.exists(), "the payload itself must work, or this test proves nothing"
