"""One picture that explains the product: inputs, what the cloud receives, what a wrong θ decodes."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from phasekey.demo.measure import Results, Shown
from phasekey.model.rotation import rotate, unrotate
from phasekey.training.evaluate import to_float

WRONG = 2.0  # radians off the right angle, about a third of a turn
TITLES = (
    "on the device:\nthe input",
    "the cloud receives:\nreal component",
    "the cloud receives:\nimaginary component",
    "decoded with\nthe right θ",
    f"decoded with a wrong θ\n({WRONG:g} rad off)",
)
CAPTION = (
    "The eye sees little in what the cloud receives. A trained attacker does better: this encoder is the "
    "published one,\nand it leaks. README, section “Limits”, says how much is known."
)
GREEN, GREY = "#2a7f62", "#b9bec4"


def draw(results: Results, path: Path) -> Path:
    """Draw one row for each shown image and write a PNG; returns its path."""
    mpl.use("Agg")
    shown = results.shown
    real, imaginary, right, wrong = _values(shown)
    rows = len(shown.images)
    figure = Figure(figsize=(12, 1.75 * rows + 1.2), layout="constrained")
    # Widths in the proportions of what is drawn, so that all of a row has one height.
    widths = [1, *2 * [_shape_ratio(real[0])], 1.6, 1.6]
    axes = figure.subplots(rows, len(TITLES), squeeze=False, width_ratios=widths)
    for row in range(rows):
        _image(axes[row][0], shown.images[row].squeeze())
        _image(axes[row][1], mosaic(real[row]))
        _image(axes[row][2], mosaic(imaginary[row]))
        _bars(axes[row][3], right[row], int(shown.labels[row]))
        _bars(axes[row][4], wrong[row], int(shown.labels[row]))
    for axis, title in zip(axes[0], TITLES, strict=True):
        axis.set_title(title, fontsize=11)
    figure.supxlabel(CAPTION, fontsize=9)
    figure.savefig(path, dpi=110)
    return path


def _values(shown: Shown) -> tuple[NDArray[np.float32], ...]:
    network = shown.network
    with torch.no_grad():
        feature = network.encoder(to_float(torch.from_numpy(shown.images)))
        x = rotate(feature, shown.decoy, shown.theta)
        h = network.processing(x)
        right = _probabilities(shown, h, shown.theta)
        wrong = _probabilities(shown, h, shown.theta + WRONG)
    real, imaginary = x.numpy().astype(np.float32).reshape(len(x), 2, -1, *x.shape[2:]).swapaxes(0, 1)
    return real, imaginary, right, wrong


def _probabilities(shown: Shown, h: Tensor, theta: Tensor) -> NDArray[np.float32]:
    values: NDArray[np.float32] = shown.network.decoder(unrotate(h, theta)).softmax(1).numpy()
    return values


def mosaic(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(C, H, W) -> the channels side by side in a rectangle as square as can be, with gaps of NaN."""
    count, height, width = channels.shape
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan, np.float32)
    for index, channel in enumerate(channels):
        top, left = (index // columns) * (height + 1), (index % columns) * (width + 1)
        sheet[top : top + height, left : left + width] = channel
    return sheet


def _shape_ratio(channels: NDArray[np.float32]) -> float:
    height, width = mosaic(channels).shape
    return float(width / height)


def _image(axis: Axes, values: NDArray[np.generic]) -> None:
    axis.imshow(values, cmap="gray" if values.ndim == 2 else None)
    axis.set_axis_off()


def _bars(axis: Axes, probabilities: NDArray[np.float32], label: int) -> None:
    colours = [GREEN if index == label else GREY for index in range(len(probabilities))]
    axis.bar(range(len(probabilities)), probabilities, color=colours)
    axis.set_ylim(0, 1)
    axis.set_yticks([0, 1])
    axis.set_xticks(range(len(probabilities)))
    axis.tick_params(labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
