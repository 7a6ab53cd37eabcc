from dataclasses import replace
from pathlib import Path

import pytest

from phasekey.training.reproduction.published import Published
from phasekey.training.reproduction.report import write_report
from phasekey.training.reproduction.results import Result

SETTINGS = {
    "form": "complex", "optimiser": "adamw", "lr": 0.004, "batch_size": 64, "augment": "flip", "seed": 0,
    "defence": "paper", "defence_weight": 1.0,
}  # fmt: skip


def result(column, error, data="cifar10", **settings):
    return Result(
        "lenet-cifar10", column, error, error, 12, 20.5, 62830, data, 50000, 10000, "a CPU", "2026-11-23",
        {**SETTINGS, **settings},
    )  # fmt: skip


@pytest.fixture
def report():
    def write(*results):
        found = {(r.row, r.column): r for r in results}
        return write_report(Path("docs/results.md"), found, Published(), Path("docs/results.png"))

    return write


def test_the_gap_is_against_the_network_with_additional_layers(report):
    text = report(result("additional", 30.0, form="additional"), result("complex", 31.25))
    assert "complex: +1.25 points" in text
    assert "12 epochs of 50,000 images of cifar10" in text
    assert "![Error rates by row and column](results.png)" in text
    assert "Measured on" not in text


def test_a_row_names_the_calls_that_made_it(report):
    """Without the folders of the machine; a column of other settings has a call of its own."""
    few = {"data": "cifar10:/somewhere/of/mine/cifar-10-python.tar.gz", "images": 500}
    text = report(
        *(
            replace(result(column, 30.0, form=form), settings={**SETTINGS, "form": form, **few})
            for column, form in (("original", "original"), ("noisy-0.2", "noisy"), ("noisy-0.5", "noisy"))
        ),
        replace(result("complex", 31.0), settings={**SETTINGS, "seed": 3, "data": "digits"}),
    )
    rest = "--epochs 12 --images 500 --data cifar10:cifar-10-python.tar.gz"
    assert f"`phasekey reproduce --rows lenet-cifar10 --forms original,noisy {rest}`" in text
    assert (
        "`phasekey reproduce --rows lenet-cifar10 --forms complex --epochs 12 --data digits --seed 3`" in text
    )
    assert "/somewhere" not in text


def test_a_jpeg_copy_is_said_to_be_one(report):
    assert "Measured on a JPEG copy" in report(result("original", 30.0, data="cifar10-jpeg", form="original"))


def test_only_rows_with_a_result_are_shown(report):
    assert "## lenet-cifar10" in report(result("complex", 31.0))
    assert "## resnet" not in report(result("complex", 31.0))


def test_how_far_answers_hang_on_the_secret_is_said_where_it_was_measured(report):
    assert "secrets" not in report(result("complex", 31.0)).split("## lenet-cifar10")[1]
    facts = {"lowest": 0.68, "highest": 0.695, "changing": 0.363}
    text = report(
        result("additional", 30.0, form="additional"), replace(result("complex", 31.0), stability=facts)
    )
    columns, ranges, changing = (
        next(line for line in text.splitlines() if line.startswith(f"| {name}")).split("|")
        for name in (" ", "ours, over 10 secrets", "images of more than one label")
    )
    where = columns.index(" complex ")
    assert (ranges[where], changing[where]) == (" 30.50 to 32.00 ", " 36.3% ")
    assert ranges[columns.index(" additional layers ")] == " – "


def test_what_the_cloud_adds_is_said_with_its_interval_where_it_was_compared(report):
    assert "what the cloud adds, points" not in report(result("complex", 31.0))
    facts = {
        "read_out_error": [0.28, 0.2712, 0.2888],
        "own_network_error": [0.35, 0.34, 0.36],
        "added_by_cloud": [-0.03, -0.0412, -0.0188],
    }
    text = report(
        result("additional", 30.0, form="additional"), replace(result("complex", 31.0), controls=facts)
    )
    lines = [line for line in text.splitlines() if line.startswith("|")]
    where = lines[0].split("|").index(" complex ")
    cells = {line.split("|")[1].strip(): line.split("|")[where].strip() for line in lines}
    assert cells["without a cloud: linear read-out of the feature"] == "28.00 (27.12 to 28.88)"
    assert cells["without a cloud: best network of the device's operations"] == "35.00 (34.00 to 36.00)"
    assert cells["what the cloud adds, points"] == "**-3.00** (-4.12 to -1.88)"
