"""docs/frontier.md: the table, what it says, and how it was measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.frontier.cell import BATCH, CANDIDATES, JUDGED, STEPS
from benchmarks.frontier.networks import HIDDEN
from benchmarks.frontier.points import Alone, Point
from phasekey.training.controls.answers import Interval, mean_of

HEAD = """\
# The frontier: is a narrow feature worth a cloud?

Written by `python -m benchmarks frontier --data cifar10-jpeg.tar.gz --finished --out docs/frontier.md`, which
measures nothing. `python -m benchmarks frontier --data cifar10-jpeg.tar.gz` had measured {share}
places: those that have a row.

A bound in nats asks for a feature of few values and for more rows than values ([privacy](privacy.md)). An
equivariant cloud helps beyond a linear read-out only through what it is told
([record 34](adr/0034-a-bound-in-nats.md)). So how much can it add, for how much told? Features of D values
and one length, k - 1 Gaussian decoys of σ times its size, orthogonal secrets:

![What the cloud adds against what it is told]({picture})

{verdict}
"""
METHOD = f"""\
## How it was measured

- **Places**: k of 2, D/4, D/2, D, 3D/2 and 2D. The command that measures goes on where it was cut off.
- **Data**: {{data}}, all training images and their mirror images; 95% intervals over the test images.
- **Encoders**: `linear`, the first D principal components of the pixels, brought to variance 1; `lenet`,
  LeNet's first convolution and a linear layer to D values, trained with the rest of the LeNet, from which
  nothing was hidden: it may leave to the cloud whatever a linear read-out can't read. Both are then brought
  to |a| = √D, and stay as they are: an encoder trained with its secret could move a point.
- **The cloud**: a map that a secret of O(k) commutes with has the form X M(XᵀX). Ours is {HIDDEN} gated
  linear maps of the feature's row, with gates from a network of three layers that reads {HIDDEN} norms |Xu|;
  it begins as the read-out. {STEPS:,} steps of {BATCH} images, fresh decoys in each; one seed. A longer
  training or another network may add more.
- **The attacker** of the label: for k ≥ D + 2 the exact likelihood over {CANDIDATES:,} training features, on
  {JUDGED:,} test images (at D = 12 it found more than the network did); for smaller k, where there is no
  density, a network of the cloud's size that reads the same norms, trained beside it. Chance errs in 90%.
- **Without a cloud**: a linear read-out of the feature, and the best plain network of the device's own
  operations (`phasekey controls`), trained for {{epochs}} epochs.
- **Rows**: X tells what XᵀX tells, and BᵀB of k - 1 > D decoys is drawn by its triangular factor, so that no
  row beyond D + 1 was ever computed.
"""
COLUMNS = (
    "k", "σ", "told, nats", "attacker's label error", "error with the cloud", "over the read-out",
    "over the better control",
)  # fmt: skip
Group = tuple[str, int]


def page(
    points: Sequence[Point],
    alone: Mapping[Group, Alone],
    *,
    data: str,
    epochs: int,
    picture: Path,
    share: str,
) -> str:
    """Write the page.

    Args:
        points: all that are finished.
        alone: of each encoder and D.
        data: their name.
        epochs: of the device's own networks.
        picture: beside the page.
        share: how many of how many places were measured.

    Returns:
        Markdown.
    """
    groups = sorted({(point.place.encoder, point.place.values) for point in points}, key=_order)
    tables = [
        _table(group, alone[group], [p for p in points if (p.place.encoder, p.place.values) == group])
        for group in groups
    ]
    head = HEAD.format(picture=picture.name, verdict=verdict(points), share=share)
    return "\n".join([head, *tables, METHOD.format(data=data, epochs=epochs)])


def verdict(points: Sequence[Point]) -> str:
    """Say where the cloud adds more than its interval, and whether that is worth having."""
    hidden = [point for point in points if point.label_error is not None]
    bounded = [point for point in hidden if point.nats is not None]
    return "\n".join([
        "- Over a linear read-out the cloud adds more than its interval at "
        f"{_places(hidden, 'over_read_out')}.",
        f"- Of these with a bound in nats (k > D): {_places(bounded, 'over_read_out')}.",
        "- Over the better of the two controls, the best network of the device's own operations among them: "
        f"{_places(hidden, 'over_best')}; with a bound: {_places(bounded, 'over_best')}.",
    ])  # fmt: skip


def _places(points: Sequence[Point], figure: str) -> str:
    known = [point for point in points if getattr(point, figure) is not None]
    adding = [point for point in known if getattr(point, figure).low > 0]
    said = f"{len(adding)} of {len(known)} places"
    if not adding:
        return said
    most = max(adding, key=lambda point: float(getattr(point, figure).mean))
    place = most.place
    return (
        f"{said}, most {_points(getattr(most, figure))} ({place.encoder}, D = {place.values}, "
        f"k = {place.components}, σ = {place.sigma:g})"
    )


def _order(group: Group) -> tuple[bool, int]:
    return group[0] != "linear", group[1]


def _table(group: Group, alone: Alone, points: Sequence[Point]) -> str:
    encoder, values = group
    own = "not trained" if alone.own is None else _percent(mean_of(1 - alone.own))
    plain = [point for point in points if point.label_error is None]
    shown = (
        f" With nothing hidden, a plain network reads the feature to {_percent(plain[0].error)}."
        if plain
        else ""
    )
    rows = sorted(points, key=lambda point: (point.place.components, point.place.sigma))
    lines = [_row(point) for point in rows if point.label_error is not None]
    return "\n".join([
        f"## {encoder}, D = {values}\n",
        f"Without a cloud, {alone.operations / 1e6:.2f} million operations: read-out "
        f"{_percent(mean_of(1 - alone.read_out))}, own network {own}.{shown}\n",
        f"| {' | '.join(COLUMNS)} |", f"|{'---:|' * len(COLUMNS)}", *lines, "",
    ])  # fmt: skip


def _row(point: Point) -> str:
    label = _percent(point.label_error) if point.label_error else ""
    cells = (
        str(point.place.components),
        f"{point.place.sigma:g}",
        "no bound" if point.nats is None else f"{point.nats:.2f}",
        f"{label}, {point.attacker}",
        _percent(point.error),
        _points(point.over_read_out),
        "–" if point.over_best is None else _points(point.over_best),
    )
    return f"| {' | '.join(cells)} |"


def _percent(share: Interval) -> str:
    return f"{100 * share.mean:.1f}% ({100 * share.low:.1f}–{100 * share.high:.1f})"


def _points(difference: Interval) -> str:
    mean, low, high = (100 * value for value in difference)
    return f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"
