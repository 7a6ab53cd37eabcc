"""Beside our own figures: what a device could answer without any cloud, and what the cloud adds."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.controls import compare_checkpoint
from phasekey.training.data.dataset import ImageDataset
from phasekey.training.loop.train import MODEL_FILE
from phasekey.training.reproduction.results import Result
from phasekey.training.settings.config import TrainConfig

EPOCHS = 8  # of the device's own networks, as `phasekey controls` trains them
LINES = {
    "without a cloud: linear read-out of the feature": "read_out_error",
    "without a cloud: best network of the device's operations": "own_network_error",
}


def asks_a_cloud(config: TrainConfig) -> bool:
    """Tell whether a run's network hides what it sends, so that there is a cloud to do without."""
    return config.form == "complex"


def with_controls(result: Result, config: TrainConfig, dataset: ImageDataset) -> Result:
    """Compare a finished run with its device alone.

    Args:
        result: of the run.
        config: its settings.
        dataset: what it was trained on.

    Returns:
        The result with its controls; as it was where images have several labels.

    Raises:
        TrainingError: no checkpoint is there, or its device does too little for any network.
    """
    if dataset.task != "classes":
        return result
    found = compare_checkpoint(
        load_checkpoint(config.out / MODEL_FILE), dataset,
        epochs=EPOCHS, draws=1, work=config.out / "controls", progress=True,
    )  # fmt: skip
    return replace(result, controls={**found.facts(), "epochs": EPOCHS})


def control_rows(results: Iterable[Result | None]) -> list[tuple[str, list[str]]]:
    """Write the controls of a row's columns: percent and points, with 95% intervals.

    Args:
        results: by column, None where nothing was run.

    Returns:
        Lines of a table, each a heading and its cells; none where no column was compared.
    """
    found = [None if result is None else result.controls for result in results]
    if not any(found):
        return []
    rows = [(heading, [_percent(one, key) for one in found]) for heading, key in LINES.items()]
    return [
        *rows,
        ("largest own network tried, million operations", [_tried(one) for one in found]),
        ("what the cloud adds, points", [_added(one) for one in found]),
        ("device's operations over the same network's without hiding", [_share(one) for one in found]),
    ]


def _tried(controls: dict[str, Any] | None) -> str:
    if controls is None or "tried_operations" not in controls:
        return "–"
    return f"{controls['tried_operations'] / 1e6:.1f} of {controls['device_operations'] / 1e6:.1f}"


def _share(controls: dict[str, Any] | None) -> str:
    if controls is None or "whole_operations" not in controls:
        return "–"
    return f"{controls['device_operations'] / controls['whole_operations']:.0%}"


def _percent(controls: dict[str, Any] | None, key: str) -> str:
    if controls is None:
        return "–"
    mean, low, high = (100 * value for value in controls[key])
    return f"{mean:.2f} ({low:.2f} to {high:.2f})"


def _added(controls: dict[str, Any] | None) -> str:
    if controls is None:
        return "–"
    mean, low, high = (100 * value for value in controls["added_by_cloud"])
    return f"**{mean:+.2f}** ({low:+.2f} to {high:+.2f})"
