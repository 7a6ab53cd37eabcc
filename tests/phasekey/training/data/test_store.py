import tarfile
import zipfile

import pytest

from phasekey.training.data.store import open_store, read
from phasekey.training.errors import TrainingError

FILES = {"set/a.jpg": b"first", "set/b.jpg": b"second" * 500, "set/notes.txt": b"no image"}
PATTERNS = ("*/*",)


def is_image(name):
    return name.suffix == ".jpg"


@pytest.fixture(params=["folder", "tar", "zip"])
def place(request, tmp_path):
    folder = tmp_path / "folder"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    if request.param == "tar":
        with tarfile.open(tmp_path / "set.tar.gz", "w:gz") as archive:
            archive.add(folder / "set", "set")
        return tmp_path / "set.tar.gz"
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name in FILES:
                archive.write(folder / name, name)
        return tmp_path / "set.zip"
    return folder


def test_wanted_files_are_there_in_any_order(place):
    store = open_store(place, PATTERNS, is_image)
    assert sorted(store.names) == ["set/a.jpg", "set/b.jpg"]
    for name in ("set/b.jpg", "set/a.jpg", "set/b.jpg"):
        assert read(store, name) == FILES[name]


def test_a_file_that_has_gone_is_named(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/a.jpg").write_bytes(b"x")
    store = open_store(tmp_path, PATTERNS, is_image)
    (tmp_path / "set/a.jpg").unlink()
    with pytest.raises(TrainingError, match=r"cannot open .*a\.jpg': No such file"):
        read(store, "set/a.jpg")


def test_a_damaged_member_of_a_zip_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("set/a.jpg", b"0123456789" * 20)
    content = (tmp_path / "set.zip").read_bytes()
    (tmp_path / "set.zip").write_bytes(content.replace(b"0123456789", b"0123456780", 1))
    store = open_store(tmp_path / "set.zip", PATTERNS, is_image)
    with pytest.raises(TrainingError, match=r"cannot open 'set/a\.jpg': damaged"):
        read(store, "set/a.jpg")


def test_a_path_that_holds_nothing_is_named(tmp_path):
    with pytest.raises(TrainingError, match="nowhere"):
        open_store(tmp_path / "nowhere", PATTERNS, is_image)
