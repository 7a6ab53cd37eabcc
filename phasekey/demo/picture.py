"""One picture that explains the product: inputs, and what the cloud receives of them in each mode."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from phasekey.guarantee import at_most

TITLES = (
    "bounded: on the\ndevice, the input",
    "the cloud receives:\nfeature and noise, rotated",
    "decoded with\nthe right secret",
    "decoded with\nanother secret",
    "anonymous: the cloud receives {k} images' features,\nin secret order (green: the input)",
)
CAPTION = (
    "bounded: one transmission tells at most {nats} nats about the image; one of ten digits takes 2.3.\n"
    "anonymous: whoever can rebuild the images sees all {k}; which one is meant, he guesses. "
    "None of this is encryption."
)
GREEN, GREY = "#2a7f62", "#b9bec4"


@dataclass(frozen=True)
class Row:
    """What one row shows.

    Attributes:
        image: (H, W, C) uint8, of the mode bounded.
        label: the truth.
        x: (k, D), what the cloud received of it.
        right, wrong: (classes,) probabilities, decoded with the right secret and with another.
        candidates: (k, H, W, C) uint8, of the mode anonymous, in the order sent.
        position: which of them is the input.
    """

    image: NDArray[np.uint8]
    label: int
    x: NDArray[np.float32]
    right: NDArray[np.float32]
    wrong: NDArray[np.float32]
    candidates: NDArray[np.uint8]
    position: int


def draw(rows: list[Row], nats: float, path: Path) -> Path:
    """Draw one line for each row.

    Args:
        rows: one or more.
        nats: what a transmission of the mode bounded tells at most.
        path: of the PNG.

    Returns:
        The path.
    """
    mpl.use("Agg")
    k = len(rows[0].candidates)
    figure = Figure(figsize=(14, 1.75 * len(rows) + 1.4), layout="constrained")
    grid = figure.subplots(len(rows), 4 + k, squeeze=False, width_ratios=[1, 2, 1.5, 1.5, *k * [1]])
    for row, axes in zip(rows, grid, strict=True):
        _image(axes[0], row.image.squeeze())
        _image(axes[1], row.x.T)
        _bars(axes[2], row.right, row.label)
        _bars(axes[3], row.wrong, row.label)
        for place, (axis, candidate) in enumerate(zip(axes[4:], row.candidates, strict=True)):
            _image(axis, candidate.squeeze(), framed=place == row.position)
    for axis, title in zip(grid[0], TITLES[:4], strict=False):
        axis.set_title(title, fontsize=10)
    title = grid[0][4].set_title(TITLES[4].format(k=k), fontsize=10, loc="left")
    title.set_in_layout(False)  # it stands over k columns
    figure.supxlabel(CAPTION.format(nats=at_most(nats), k=k), fontsize=9)
    figure.savefig(path, dpi=110)
    return path


def mosaic(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lay (C, H, W) channels side by side in a rectangle as square as can be, with gaps of NaN."""
    count, height, width = channels.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan, np.float32)
    for index, channel in enumerate(channels):
        top, left = (index // columns) * (height + 1), (index % columns) * (width + 1)
        sheet[top : top + height, left : left + width] = channel
    return sheet


def _image(axis: Axes, values: NDArray[np.generic], framed: bool = False) -> None:
    axis.imshow(values, cmap="gray" if values.ndim == 2 else None)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set(visible=framed, color=GREEN, linewidth=3)


def _bars(axis: Axes, probabilities: NDArray[np.float32], label: int) -> None:
    colours = [GREEN if index == label else GREY for index in range(len(probabilities))]
    axis.bar(range(len(probabilities)), probabilities, color=colours)
    axis.set_ylim(0, 1)
    axis.set_yticks([0, 1])
    axis.set_xticks(range(len(probabilities)))
    axis.tick_params(labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
