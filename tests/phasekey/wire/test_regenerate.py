"""The committed wire code is what the pinned compiler makes of proto/, byte for byte."""

import shutil
from pathlib import Path

import pytest

from phasekey.wire import regenerate

ROOT = Path(regenerate.__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path):
    """A copy of the sources and of the generated files."""
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    package = tmp_path / "phasekey" / "wire"
    package.mkdir(parents=True)
    for path in (ROOT / "phasekey" / "wire").glob("*_pb2.py*"):
        shutil.copy(path, package)
    return tmp_path


def test_what_is_committed_is_up_to_date():
    assert regenerate.main(["--check"]) == 0


def test_a_clean_copy_passes(checkout):
    assert regenerate.main(["--check"], root=checkout) == 0


@pytest.mark.parametrize("name", ["open_inference_pb2.py", "model_config_pb2.pyi"])
def test_a_tampered_file_is_found_and_put_right(checkout, name, capsys):
    path = checkout / "phasekey" / "wire" / name
    before = path.read_bytes()
    path.write_bytes(before + b"\n")
    assert regenerate.main(["--check"], root=checkout) == 1
    assert f"phasekey/wire/{name} does not match" in capsys.readouterr().err
    assert path.read_bytes() == before + b"\n"  # a check writes nothing
    assert regenerate.main([], root=checkout) == 0
    assert path.read_bytes() == before


def test_a_changed_source_is_found(checkout):
    path = checkout / "proto" / "phasekey" / "wire" / "open_inference.proto"
    path.write_text(path.read_text().replace("bool ready = 1;", "bool ready = 2;"))
    wire = "phasekey/wire/open_inference_pb2.py"
    assert regenerate.differences(checkout) == [wire]


def test_missing_and_orphaned_files_are_found(checkout):
    package = checkout / "phasekey" / "wire"
    (package / "model_config_pb2.py").rename(package / "gone_pb2.py")
    assert regenerate.differences(checkout) == [
        "phasekey/wire/gone_pb2.py",
        "phasekey/wire/model_config_pb2.py",
    ]


def test_outside_a_checkout_it_says_so(tmp_path, capsys):
    assert regenerate.main(["--check"], root=tmp_path) == 2
    assert "run this in a checkout" in capsys.readouterr().err


def test_a_source_that_does_not_compile_is_an_error(checkout, capfd):
    (checkout / "proto" / "phasekey" / "wire" / "model_config.proto").write_text("nonsense")
    assert regenerate.main([], root=checkout) == 2
    assert "refused a source" in capfd.readouterr().err
