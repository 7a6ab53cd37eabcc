import argparse
import json
import subprocess
import sys

import pytest

from phasekey.cli import main
from phasekey.errors import PhasekeyError
from phasekey.training import command
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.loop.step import Learner
from phasekey.training.recipes import load_recipe


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser("phasekey train")
    command.add_arguments(parser)
    return parser


def test_help_teaches_layout_and_next_step(parser):
    text = parser.format_help()
    for words in ("--arch", "train/CLASS/IMAGE", "python -m export", "runs/digits", "model.pt"):
        assert words in text


def test_a_folder_of_images_becomes_a_model(parser, image_folder, tmp_path, capsys):
    data, out = image_folder(), tmp_path / "out"
    line = [
        "--data",
        str(data),
        "--image-size",
        "32",
        "--epochs",
        "1",
        "--batch-size",
        "4",
        "--out",
        str(out),
    ]
    assert command.run(parser.parse_args(line)) == 0
    said = capsys.readouterr().out
    assert "pets: 6 training and 6 test images, 2 classes" in said
    assert f"saved {out / 'model.pt'}" in said
    assert load_checkpoint(out / "model.pt").labels == ("cat", "dog")
    assert json.loads((out / "metrics.jsonl").read_text())["epoch"] == 1


@pytest.mark.parametrize("absent", command.NEEDED)
def test_without_the_train_extra_it_says_what_to_install(absent, tmp_path):
    code = (
        f"import sys; sys.modules[{absent!r}] = None\n"
        "import importlib.util as u; found = u.find_spec\n"
        f"u.find_spec = lambda name, *a: None if name == {absent!r} else found(name, *a)\n"
        "from phasekey.cli import main; sys.exit(main(['train']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert absent in done.stderr
    assert "pip install 'phasekey[train]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--arch", "lenet99"], "lenet99"),
        (["--data", "nowhere"], "nowhere"),
        (["--epochs", "0"], "--epochs"),
        (["--form", "simple"], "simple"),
        (["--recipe", "lenet5"], "no recipe 'lenet5'"),
    ],
)
def test_a_wrong_word_is_named(parser, line, message, tmp_path):
    with pytest.raises(PhasekeyError, match=message):
        command.run(parser.parse_args([*line, "--out", str(tmp_path)]))


def test_a_recipe_gives_defaults_and_what_is_given_beside_it_wins(parser, image_folder, tmp_path):
    line = ["--recipe", "lenet-cifar10", "--data", str(image_folder()), "--image-size", "32", "--epochs", "1"]
    assert command.run(parser.parse_args([*line, "--batch-size", "4", "--out", str(tmp_path / "out")])) == 0
    settings = load_recipe("lenet-cifar10").settings
    config = load_checkpoint(tmp_path / "out" / "model.pt").config
    assert (config["lr"], config["augment"]) == (settings["lr"], settings["augment"])
    assert (config["epochs"], config["batch_size"]) == (1, 4)


@pytest.mark.parametrize(
    ("save_every", "said"),
    [
        ("0", "stopped: the same command goes on from {out}/state.pt"),
        ("1e9", "stopped before anything was saved"),
    ],
)
def test_after_ctrl_c_it_says_how_to_go_on(image_folder, tmp_path, monkeypatch, capsys, save_every, said):
    before, done = Learner.step, 0

    def step(learner, images, labels):
        nonlocal done
        done += 1
        if done == 2:
            raise KeyboardInterrupt
        return before(learner, images, labels)

    monkeypatch.setattr(Learner, "step", step)
    line = [
        "train",
        "--data",
        str(image_folder()),
        "--image-size",
        "32",
        "--batch-size",
        "2",
        "--epochs",
        "1",
    ]
    assert main([*line, "--save-every", save_every, "--out", str(tmp_path / "out")]) == 130
    assert said.format(out=tmp_path / "out") in capsys.readouterr().err
    assert main([*line, "--save-every", save_every, "--out", str(tmp_path / "out")]) == 0
