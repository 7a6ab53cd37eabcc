"""compare.png: for each headline figure a panel with one bar for each model."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from phasekey.audit.report.figures import COLOURS, INK, PLAIN, TRACK, new_picture, save
from phasekey.audit.report.judgement.grades import grade_in
from phasekey.audit.result.catalogue import catalogue
from phasekey.audit.result.result import Audit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 3


def write_picture(path: Path, keys: Sequence[str], names: Sequence[str], audits: Sequence[Audit]) -> None:
    """Bars from chance (0) to the raw input (1), by the strongest attack on each model.

    Args:
        path: of the PNG.
        keys: figures, one chart each.
        names: of the models.
        audits: one for each model.
    """
    if not keys:
        return
    lines = -(-len(keys) // ACROSS)
    picture = new_picture(11, lines * (0.26 * len(audits) + 0.75))
    axes: list[Axes] = list(picture.subplots(lines, ACROSS, squeeze=False, sharey=True).flat)
    for axis in axes[len(keys) :]:
        axis.set_axis_off()
    for axis, key in zip(axes, keys, strict=False):
        _panel(axis, key, audits)
        axis.set_yticks(range(len(audits)), names, fontsize=8, **PLAIN)
    axes[0].invert_yaxis()
    save(picture, path)


def _panel(axis: "Axes", key: str, audits: Sequence[Audit]) -> None:
    axis.set_title(catalogue()[key].name, fontsize=9, loc="left")
    axis.set_xlim(0, 1)
    axis.set_xticks([0, 1], ["chance", "raw input"], fontsize=7)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    for place, audit in enumerate(audits):
        found = audit.strongest(key)
        if found is None:
            axis.text(0.01, place, "not measured", fontsize=7, va="center", color=INK)
            continue
        figure = found[1]
        axis.barh(place, 1, 0.7, color=TRACK)
        axis.barh(place, figure.exposure, 0.5, color=COLOURS[grade_in(audit, figure)])
        ends = [figure.exposure_of(value) for value in (figure.low, figure.high)]
        axis.plot(ends, [place, place], color=INK, linewidth=1.2, marker="|", markersize=6)
