"""The command on digits: what it trains, skips and writes."""

import argparse
import json
from pathlib import Path

import pytest

from phasekey.errors import PhasekeyError
from phasekey.machine import hardware
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.reproduction import command


@pytest.fixture
def reproduce(tmp_path):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)

    def call(*line):
        places = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "docs" / "results.md")]
        return command.run(parser.parse_args([*line, *places]))

    return call


@pytest.fixture
def table(tmp_path):
    """The cells of the first table of the report, by line and heading."""

    def read():
        lines = (tmp_path / "docs" / "results.md").read_text().splitlines()
        cells = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")
        ]
        heading = cells[0][1:]
        return {line[0]: dict(zip(heading, line[1:], strict=True)) for line in cells[2:]}

    return read


def test_forms_are_trained_reported_and_not_trained_again(reproduce, table, tmp_path, capsys):
    line = ["--rows", "lenet-cifar10", "--data", "digits", "--epochs", "1"]
    assert reproduce(*line, "--forms", "original,additional") == 0
    models = sorted((tmp_path / "runs").glob("*/*/model.pt"))
    assert [path.parent.name for path in models] == ["additional", "original"]
    for path in models:
        error = 100 * (1 - load_checkpoint(path).facts["test_accuracy"])
        heading = {"original": "original", "additional": "additional layers"}[path.parent.name]
        assert table()["ours"][heading] == f"**{error:.2f}**"
    assert table()["paper"]["complex"] == "17.95"
    assert table()["ours"]["complex"] == "–"
    report = (tmp_path / "docs" / "results.md").read_text()
    assert "Measured on digits, which is not the data of this row" in report
    assert hardware() in report
    assert (tmp_path / "docs" / "results.png").read_bytes().startswith(b"\x89PNG")

    before = [path.stat().st_mtime_ns for path in models]
    capsys.readouterr()
    assert reproduce(*line, "--forms", "original,additional") == 0
    assert capsys.readouterr().out.count("finished before") == 2
    assert [path.stat().st_mtime_ns for path in models] == before

    assert reproduce(*line, "--forms", "original", "--seed", "1") == 0
    assert load_checkpoint(tmp_path / "runs/lenet-cifar10/original/model.pt").config["seed"] == 1


def test_what_hides_is_held_against_its_device_alone_also_afterwards(reproduce, table, tmp_path, monkeypatch):
    """Controls are made for a run that was finished without them, and not twice."""
    monkeypatch.setattr("phasekey.training.reproduction.without_cloud.EPOCHS", 1)
    line = ["--rows", "lenet-cifar10", "--data", "digits", "--epochs", "1", "--forms", "original,undefended"]
    assert reproduce(*line, "--no-controls") == 0
    results = {
        column: tmp_path / f"runs/lenet-cifar10/{column}/result.json" for column in ("original", "undefended")
    }
    assert json.loads(results["undefended"].read_text())["controls"] is None
    assert reproduce(*line) == 0
    found = json.loads(results["undefended"].read_text())["controls"]
    mean, low, high = found["added_by_cloud"]
    assert low < mean < high
    better = min(found["read_out_error"][0], found["own_network_error"][0])
    assert mean == pytest.approx(better - found["error"][0], abs=1e-6)
    assert found["own_network_operations"] <= found["device_operations"]
    assert json.loads(results["original"].read_text())["controls"] is None
    added = table()["what the cloud adds, points"]
    assert added["complex, no defence"].startswith(f"**{100 * mean:+.2f}**")
    assert added["original"] == "–"

    monkeypatch.setattr("phasekey.training.reproduction.cells.with_controls", None)
    assert reproduce(*line) == 0


def test_a_broken_result_is_made_again(reproduce, tmp_path):
    """Of fewer images, where so many were asked for; the report says how many they were."""
    line = ["--rows", "lenet-cifar10", "--data", "digits", "--epochs", "1", "--forms", "original"]
    reproduce(*line, "--images", "200")
    path = tmp_path / "runs/lenet-cifar10/original/result.json"
    path.write_text("{")
    reproduce(*line, "--images", "200")
    found = json.loads(path.read_text())
    assert (found["epochs"], found["training_images"], found["test_images"]) == (1, 200, 200)
    assert "200 images of digits, 200 test images" in (tmp_path / "docs/results.md").read_text()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--rows", "lenet"], r"--rows takes names from .*got 'lenet'"),
        (["--rows", ","], "--rows takes names"),
        (["--rows", "lenet-cifar10", "--forms", "complex,real"], r"--forms takes words from .*; got real"),
        (["--rows", "lenet-cifar10", "--epochs", "0"], "--epochs"),
        (["--rows", "lenet-cifar10", "--data", "nowhere"], "nowhere"),
    ],
)
def test_a_wrong_word_is_named(reproduce, line, message):
    with pytest.raises(PhasekeyError, match=message):
        reproduce(*line)


def test_a_report_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PhasekeyError, match="cannot write"):
        command._write(tmp_path / "file" / "results.md", Path("none"))
