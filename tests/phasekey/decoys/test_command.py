"""`phasekey decoys`: from a folder, from folders of frames, from a data set, to an archive that predicts."""

import os

import numpy as np
import pytest
from PIL import Image

from phasekey.cli import main
from sdk.store import Store


def write_images(folder, count, size=(6, 6), seed=0, mode="L"):
    folder.mkdir(parents=True, exist_ok=True)
    shape = (*size[::-1], 3) if mode == "RGB" else size[::-1]
    for number in range(count):
        pixels = np.random.default_rng(seed + number).integers(0, 256, shape, np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
    return folder


@pytest.fixture
def out(tmp_path):
    return tmp_path / "decoys.db"


def pack(out, images, *options):
    return main(["decoys", "pack", "--images", str(images), "--out", str(out), *map(str, options)])


def test_a_folder_and_all_below_it_is_packed_once(tmp_path, out, capsys):
    folder = write_images(tmp_path / "images", 4)
    write_images(folder / "below", 3, seed=100)
    (folder / "notes.txt").write_text("no image")
    assert pack(out, folder) == 0
    assert (
        "7 decoys added.\n7 single decoys are unused: 2 predictions of new images among 4."
        in capsys.readouterr().out
    )
    assert pack(out, folder) == 0
    assert "0 decoys added; 7 were there already" in capsys.readouterr().out
    assert Store(out).image_shape == (6, 6, 1)
    assert out.stat().st_mode & 0o077 == 0


def test_the_bundle_says_size_and_colours(tmp_path, out, new_export, capsys):
    export = new_export(kind="permutation", components=4, archive=True, dtype="float32")
    folder = write_images(tmp_path / "images", 3, size=(9, 8), mode="RGB")
    assert pack(out, folder, "--bundle", export.edge) == 2
    assert "--resize" in capsys.readouterr().err
    assert pack(out, folder, "--bundle", export.edge, "--resize") == 0
    assert Store(out).image_shape == (6, 6, 1)


def test_bursts_are_folders_of_frames(tmp_path, out, capsys):
    for number in range(3):
        write_images(tmp_path / "bursts" / f"scene{number}", 4, seed=10 * number)
    assert pack(out, tmp_path / "bursts", "--bursts") == 0
    store = Store(out)
    assert store.decoys_left == 0  # none of them is single
    store.start_film(b"s" * 32, 3)
    said = capsys.readouterr().out
    assert "12 decoys added" in said
    assert "bursts are unused" in said


def test_a_data_set_by_its_words(out, capsys):
    assert pack(out, "digits") == 0
    store = Store(out)
    assert store.image_shape == (32, 32, 1)
    assert store.decoys_left == 355  # the test split
    assert main(["decoys", "info", str(out), "--components", "8"]) == 0
    said = capsys.readouterr().out
    assert "images of 32 × 32 × 1; 0 nats spent.\n355 single decoys are unused: 50 predictions" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pack", "--images", "EMPTY", "--out", "OUT"], "holds no image files"),
        (["pack", "--images", "nothing-here", "--out", "OUT"], "nothing-here"),
        (["pack", "--images", "digits", "--out", "OUT", "--bursts"], "takes a folder of folders"),
        (["info", "OUT"], "There is no archive"),
    ],
)
def test_what_goes_wrong_is_told(tmp_path, out, capsys, arguments, said):
    (tmp_path / "empty").mkdir()
    places = {"EMPTY": str(tmp_path / "empty"), "OUT": str(out)}
    assert main(["decoys", *(places.get(argument, argument) for argument in arguments)]) == 2
    assert said in capsys.readouterr().err


def test_predicts_with_what_was_packed(tmp_path, out, new_export, serve, capsys):
    export = new_export(kind="permutation", components=4, archive=True)
    pack(out, write_images(tmp_path / "images", 9), "--bundle", export.edge)
    inputs = write_images(tmp_path / "inputs", 4, seed=500)
    secret = tmp_path / "device.secret"
    secret.write_bytes(os.urandom(32))
    secret.chmod(0o600)
    with serve(export) as running:
        command = ["predict", "--bundle", str(export.edge), "--target", running.address]
        command += ["--secret-file", str(secret), "--decoys", str(out)]
        assert main([*command, *(str(inputs / f"{n:03}.png") for n in range(3))]) == 0
        capsys.readouterr()
        assert main([*command, str(inputs / "003.png")]) == 2
    assert "9 images give 3 predictions of new inputs at 3 decoys each" in capsys.readouterr().err
