"""The runs that fill a table: one cell after another, each skipped when it is finished."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from phasekey.training.data.dataset import ImageDataset
from phasekey.training.data.registry import load_dataset
from phasekey.training.loop.hardware import is_main_process
from phasekey.training.loop.train import METRICS_FILE, OnEpoch, train
from phasekey.training.recipes import load_recipe
from phasekey.training.reproduction.columns import Column
from phasekey.training.reproduction.results import Result, read_result, result_of
from phasekey.training.reproduction.without_cloud import asks_a_cloud, with_controls
from phasekey.training.settings.config import TrainConfig


@dataclass(frozen=True)
class Cell:
    """One run of the reproduction: a recipe with one column's changes."""

    row: str
    column: Column
    config: TrainConfig

    @property
    def finished(self) -> Result | None:
        """The result of this very run, or None where it is still to be done.

        Settings that training did not have then count as the defaults they have now.
        """
        result = read_result(self.config.out)
        if result is None or {**TrainConfig().facts(), **result.settings} != self.config.facts():
            return None
        return result


def plan(
    rows: Sequence[str], columns: Sequence[Column], runs: Path, settings: dict[str, Any]
) -> tuple[Cell, ...]:
    """All cells of rows × columns, in order; settings win over those of the recipes.

    Raises TrainingError for a row that is no recipe.
    """
    return tuple(_cell(row, column, runs, settings) for row in rows for column in columns)


def _cell(row: str, column: Column, runs: Path, settings: dict[str, Any]) -> Cell:
    chosen = {**load_recipe(row).settings, **settings, **column.settings, "out": runs / row / column.name}
    return Cell(row, column, TrainConfig(**chosen))


def run_cells(
    cells: Sequence[Cell], *, begin: Callable[[Cell, bool], None], on_epoch: OnEpoch, progress: bool,
    controls: bool = True,
) -> Iterator[Result]:  # fmt: skip
    """Train what is not finished, and go on with what was cut off.

    Args:
        cells: the runs.
        begin: told of each cell, and whether it is already finished.
        on_epoch: told of each epoch.
        progress: show bars.
        controls: compare networks that hide with their device alone, where that was not done.

    Yields:
        The result of each cell.

    Raises:
        TrainingError: data that cannot be read, a run that fails, or a disk that refuses a result.
    """

    @cache
    def dataset(data: str, image_size: int | None) -> ImageDataset:
        return load_dataset(data, image_size, progress=progress)

    for cell in cells:
        result = cell.finished
        begin(cell, result is not None)
        if result is None:
            config = cell.config
            model = train(
                config, dataset(config.data, config.image_size), progress=progress, on_epoch=on_epoch
            )
            result = result_of(cell.row, cell.column.name, model, config.out / METRICS_FILE)
            if is_main_process():
                result.write(config.out)
        if controls and result.controls is None and asks_a_cloud(cell.config) and is_main_process():
            config = cell.config
            result = with_controls(result, config, dataset(config.data, config.image_size))
            result.write(config.out)
        yield result
