"""Latency against the speed of the link: where a split starts to pay, if it does."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from phasekey.planner.latency import Speeds, fastest, latency
from phasekey.planner.ways import Ways

SLOWEST, FASTEST, POINTS = 0.1, 10_000.0, 101  # 10⁶ bits a second
COLOURS = {"local": "#2a7f62", "best": "#1b6ca8", "paper": "#b3402e", "jpeg": "#8a9299"}


def draw(ways: Ways, speeds: Speeds, title: str, path: Path) -> Path:
    """Write a picture of latency over uplink speed; the downlink keeps its proportion to the uplink.

    Args:
        ways: what there is to choose from.
        speeds: of device, cloud and link; the uplink is marked.
        title: above the picture.
        path: of the file; its ending says PNG, SVG or PDF.

    Returns:
        The path.
    """
    from matplotlib.figure import Figure

    links = np.geomspace(SLOWEST, FASTEST, POINTS)
    at = [replace(speeds, uplink=link, downlink=link * speeds.downlink / speeds.uplink) for link in links]
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axis = figure.subplots()
    lines = {
        "local": ("whole network on the device", [ways.local] * POINTS),
        "best": ("best split at each speed", [fastest(ways.splits, speed) for speed in at]),
        "paper": ("the paper's split", [ways.paper] * POINTS),
        "jpeg": ("JPEG to the cloud (not private)", [ways.jpeg] * POINTS),
    }
    for key, (name, chosen) in lines.items():
        times = [latency(way, speed).total for way, speed in zip(chosen, at, strict=True)]
        axis.plot(links, times, label=name, color=COLOURS[key], linestyle="--" if key == "jpeg" else "-")
    axis.axvline(speeds.uplink, color="#c7cdd1", zorder=0)
    axis.set(xscale="log", yscale="log", xlabel="uplink, Mbit/s", ylabel="latency of one answer, ms")
    axis.set_title(title, loc="left", fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize=9)
    figure.savefig(path, dpi=120)
    return path
