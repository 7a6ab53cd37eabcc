"""A plan for people: the table, the verdict, and the same as plain values. Pure."""

from collections.abc import Sequence
from typing import Any

from phasekey.planner.latency import Latency, Speeds, Work, fastest, latency
from phasekey.planner.ways import Ways

HEAD = (
    "way",
    "device Mop",
    "of whole",
    "cloud Mop",
    "up",
    "down",
    "encode",
    "send",
    "cloud",
    "back",
    "decode",
    "ms",
)


def table(ways: Ways, speeds: Speeds) -> str:
    """Lay out all ways in columns; the fastest that hides the image is marked.

    Args:
        ways: what there is to choose from.
        speeds: of device, cloud and link.

    Returns:
        Lines of text; times in milliseconds, bytes for one image.
    """
    best = best_private(ways, speeds)
    rows = [HEAD, *(_row(way, ways.local.device, latency(way, speeds), way is best) for way in ways.all)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def best_private(ways: Ways, speeds: Speeds) -> Work:
    """Return the fastest way of those by which the cloud does not get the image."""
    return fastest([way for way in ways.all if way.private], speeds)


def verdict(ways: Ways, speeds: Speeds) -> str:
    """Say which way wins, against what, and what hiding costs over a JPEG.

    Args:
        ways: what there is to choose from.
        speeds: of device, cloud and link.

    Returns:
        One or two sentences; they begin with "Run it on the device" where that wins.
    """
    split = fastest(ways.split, speeds)
    here, there, open_ = (latency(way, speeds).total for way in (ways.local, split, ways.jpeg))
    plain = f"A JPEG to the cloud, which shows the image, takes {_ms(open_)}."
    if here <= there:
        best = f"where the best split takes {_ms(there)} ({split.name})"
        return f"Run it on the device: {_ms(here)}, {best}. {plain}"
    return (
        f"Split it: {split.name} takes {_ms(there)} and {_share(split, ways)} of the network's operations "
        f"on the device; the whole network there takes {_ms(here)}. {plain}"
    )


def facts(ways: Ways, speeds: Speeds) -> dict[str, Any]:
    """Give the plan as plain values, for --json: each way's work and its latency by part, and the verdict."""
    return {
        "ways": [
            {**vars(way), "latency_ms": {**vars(parts), "total": parts.total}}
            for way, parts in ((way, latency(way, speeds)) for way in ways.all)
        ],
        "speeds": vars(speeds),
        "fastest_private": best_private(ways, speeds).name,
        "verdict": verdict(ways, speeds),
    }


def _share(way: Work, ways: Ways) -> str:
    return f"{way.device / ways.local.device:.0%}"


def _row(way: Work, whole: int, parts: Latency, best: bool) -> Sequence[str]:
    times = (parts.encode, parts.up, parts.cloud, parts.down, parts.decode, parts.total)
    return (
        f"{'→ ' if best else '  '}{way.name}{'' if way.private else ' (not private)'}",
        f"{way.device / 1e6:,.2f}", f"{way.device / whole:.0%}", f"{way.cloud / 1e6:,.2f}",
        f"{way.up:,}", f"{way.down:,}",
        *(f"{time:,.2f}" for time in times),
    )  # fmt: skip


def _ms(time: float) -> str:
    return f"{time:,.3g} ms" if time < 100 else f"{time:,.0f} ms"
