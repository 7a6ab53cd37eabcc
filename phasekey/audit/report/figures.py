"""The report's pictures as PNG files, for documents and talks."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from phasekey.audit.errors import AuditError
from phasekey.audit.report.html.pictures import Row, rows, sweep
from phasekey.audit.report.judgement.grades import Grade, grade, looked_at
from phasekey.audit.result.catalogue import entry_of, headlines
from phasekey.audit.result.examples import Examples
from phasekey.audit.result.result import AttackResult, Audit, Figure
from phasekey.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Picture

DPI = 120
COLOURS = {
    Grade.OPEN: "#a3201d",
    Grade.LEAK: "#b4540a",
    Grade.TRACE: "#8a6d00",
    Grade.UNSURE: "#5f5b86",
    Grade.CHANCE: "#1f6f54",
}
INK, SOFT, TRACK = "#1d2125", "#5a636b", "#e9e6de"
# Names come from outside, and a dollar sign in one is no formula.
PLAIN: dict[str, Any] = {"parse_math": False}


def write_figures(folder: Path, audit: Audit, examples: Examples) -> None:
    """Write leaks.png, reconstructions.png, sweep.png and curves.png, as far as there is something to draw.

    Args:
        folder: that exists.
        audit: whose figures they are.
        examples: the images.
    """
    found = strongest(audit)
    if found:
        save(leaks_picture(found, looked_at(audit)), folder / "leaks.png")
    if len(examples.inputs):
        save(grid_picture(rows(audit, examples)), folder / "reconstructions.png")
    names, swept = sweep(examples)
    if swept:
        save(grid_picture(swept, names), folder / "sweep.png")
    learned = [attack for attack in audit.attacks if attack.curve]
    if learned:
        save(curves_picture(learned), folder / "curves.png")


def strongest(audit: Audit) -> list[Figure]:
    """The strongest attack's figure for each headline key.

    Args:
        audit: to look through.

    Returns:
        In the report's order, without those that nobody measured.
    """
    return [found[1] for key in headlines() if (found := audit.strongest(key))]


def leaks_picture(found: list[Figure], among: int = 1) -> "Picture":
    """Bars from chance to the raw input, with intervals.

    Args:
        found: one figure for each bar.
        among: figures that were looked at, as `looked_at` counts them.

    Returns:
        A picture 8 inches wide.
    """
    picture = new_picture(8, 0.38 * len(found) + 0.9)
    axis = picture.subplots()
    for place, figure in enumerate(found):
        ends = sorted(figure.exposure_of(value) for value in (figure.low, figure.high))
        axis.barh(place, 1, 0.62, color=TRACK)
        axis.barh(place, figure.exposure, 0.46, color=COLOURS[grade(figure, among)])
        axis.plot(ends, [place, place], color=INK, linewidth=1.4, marker="|", markersize=7)
    names = [entry_of(figure, "angle").name for figure in found]
    axis.set_yticks(range(len(found)), names, fontsize=9)
    axis.set_xticks([0, 1], ["chance", "raw input"], fontsize=9)
    axis.set_xlim(0, 1)
    axis.invert_yaxis()
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    return picture


def grid_picture(found: tuple[Row, ...], columns: tuple[str, ...] = ()) -> "Picture":
    """Rows of images with their labels.

    Args:
        found: the rows.
        columns: their headings, if any.

    Returns:
        A picture, 0.8 inches for each image.
    """
    across = max(len(row.images) for row in found)
    picture = new_picture(0.8 * across + 2.6, 0.84 * len(found) + 0.3)
    axes = picture.subplots(len(found), across, squeeze=False)
    for line, row in zip(axes, found, strict=True):
        for axis in line:
            axis.set_axis_off()
        for axis, image in zip(line, row.images, strict=False):
            axis.imshow(np.clip(image, 0, 1).squeeze(), cmap="gray", vmin=0, vmax=1)
        beside = {"transform": line[0].transAxes, "ha": "right", "va": "center"}
        line[0].text(-0.12, 0.5, _label(row), fontsize=8, **beside, **PLAIN)
    for axis, name in zip(axes[0], columns, strict=False):
        axis.set_title(name, fontsize=8, **PLAIN)
    return picture


def curves_picture(learned: list[AttackResult]) -> "Picture":
    """A chart for each trained attacker: validation loss thick; training loss thin, on its own scale.

    Args:
        learned: attacks that have a curve.

    Returns:
        A picture, three charts to a line.
    """
    lines = -(-len(learned) // 3)
    picture = new_picture(9, 2.1 * lines + 0.2)
    axes: list[Axes] = list(picture.subplots(lines, 3, squeeze=False).flat)
    for axis in axes[len(learned) :]:
        axis.set_axis_off()
    for axis, attack in zip(axes, learned, strict=False):
        steps = [point.step for point in attack.curve]
        axis.plot(steps, [point.validation for point in attack.curve], color="#1b5e8c", linewidth=2)
        other = axis.twinx()  # what an attacker trains on need not be what it is chosen by
        other.plot(steps, [point.training for point in attack.curve], color=SOFT, linewidth=0.8)
        other.set_axis_off()
        axis.set_title(attack.title, fontsize=8, loc="left", **PLAIN)
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    return picture


def _label(row: Row) -> str:
    return "\n".join(part for part in (row.label, row.remark) if part)


def new_picture(width: float, height: float) -> "Picture":
    """An empty picture that lays itself out.

    Args:
        width: inches.
        height: inches.

    Returns:
        A figure of matplotlib.
    """
    from matplotlib.figure import Figure as Picture  # slow to import

    return Picture(figsize=(width, height), layout="constrained")


def save(picture: "Picture", path: Path) -> None:
    """Write a picture whole or not at all, with no mark of program or time, so that equal audits give equal
    files.

    Args:
        picture: to draw.
        path: of the PNG.

    Raises:
        AuditError: the disk refuses it.
    """
    buffer = io.BytesIO()
    picture.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    write_whole(path, buffer.getbuffer(), error=AuditError)
