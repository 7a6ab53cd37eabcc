"""The error rates as bars: ours, the paper's and the reproduction's, row by row."""

from pathlib import Path

from phasekey.training.reproduction.columns import COLUMNS, Column
from phasekey.training.reproduction.published import SOURCES, Figure, Published
from phasekey.training.reproduction.report import Results

INCHES_A_ROW = 2.6
COLOURS = {"ours": "#1b6ca8", "paper": "#b0b7bd", "reproduction": "#e0a458"}
BAR = 0.27  # of the distance between two columns


def write_plot(path: Path, results: Results, published: Published) -> None:
    """A PNG of all rows that have a result."""
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

    rows = [row for row in published.rows if any(key[0] == row for key in results)]
    picture = Picture(figsize=(8, INCHES_A_ROW * max(1, len(rows))), layout="constrained")
    axes: list[Axes] = list(picture.subplots(max(1, len(rows)), 1, squeeze=False)[:, 0])
    for axis, row in zip(axes, rows, strict=False):
        columns = [column for column in COLUMNS if any(_figures(row, column, results, published).values())]
        for shift, source in enumerate(COLOURS):
            figures = [_figures(row, column, results, published)[source] for column in columns]
            places = [place + (shift - 1) * BAR for place in range(len(columns))]
            heights = [figure if isinstance(figure, float) else 0.0 for figure in figures]
            axis.bar(places, heights, BAR, label=source, color=COLOURS[source])
        axis.set_xticks(range(len(columns)), [column.heading for column in columns], fontsize=8)
        axis.set_ylabel("error, %")
        axis.set_title(row, fontsize=10, loc="left")
        axis.spines[["top", "right"]].set_visible(False)
    picture.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=3, frameon=False)
    picture.savefig(path, dpi=110, metadata={"Software": None})


def _figures(row: str, column: Column, results: Results, published: Published) -> dict[str, Figure]:
    ours = results.get((row, column.name))
    return {
        "ours": None if ours is None else ours.error,
        **{source: published.error(row, source, column.name) for source in SOURCES},
    }
