"""``python -m sdk bench``: where the time of a prediction goes."""

from __future__ import annotations

import argparse
import json
import sys
import warnings

import numpy as np
import numpy.typing as npt

from phasekey.bundle import ImageSpec, PrivacyWarning, edge_of, load_manifest
from sdk.client import EdgeClient
from sdk.commands.options import add_bundle, add_network, config_of
from sdk.errors import ConfigurationError
from sdk.prediction import Timings

DESCRIPTION = """\
Measure where the time of a prediction goes: encoding, hiding, the wire, the cloud, decoding.
Images of noise are predicted one request after another, under a secret of this run alone.
"""
EPILOG = """\
example:
  python -m sdk bench --bundle build/digits/edge --target 127.0.0.1:8001 --count 200

The cloud's own time is shown where the server tells it; otherwise the wire's holds it.
"""
_WIDTH = 40  # characters of the longest bar
_BINS = 10
_WARM_UP = 5  # predictions that are not counted
Numbers = npt.NDArray[np.float64]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_bundle(parser)
    add_network(parser)
    parser.add_argument("--count", metavar="N", type=int, default=100, help="predictions (default: 100)")
    parser.add_argument("--batch-size", metavar="N", type=int, help="images in each (default: 1)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a plot")


def run(args: argparse.Namespace) -> int:
    """Run the command; returns 0.

    Raises:
        PhasekeyError: no bundle, no server, or a bundle whose decoys a measurement would use up.
    """
    if args.count < 1:
        raise ConfigurationError(f"--count must be 1 or more, not {args.count}.")
    size = args.batch_size or 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyWarning)
        if load_manifest(edge_of(args.bundle)).decoy.archived:
            raise ConfigurationError(
                "This bundle's decoys come from an archive, which a measurement would use up."
            )
        client = EdgeClient(args.bundle, config=config_of(args), ephemeral=True)
    with client:
        client.warm_up()
        images = _noise(client.manifest.image, size)
        rows = [client.predict(images).timings for _ in range(args.count + _WARM_UP)][_WARM_UP:]
    stages = {name: 1000 * np.array([getattr(row, name) for row in rows]) for name in vars(Timings())}
    totals = 1000 * np.array([row.total for row in rows])
    sys.stdout.write(_as_json(stages, totals, size) if args.json else _plot(stages, totals, size))
    return 0


def _noise(spec: ImageSpec, count: int) -> npt.NDArray[np.uint8] | npt.NDArray[np.float32]:
    pixels = np.random.default_rng().integers(
        0, 256, (count, spec.height, spec.width, spec.channels), dtype=np.uint8
    )
    return pixels if spec.dtype == "uint8" else pixels.astype(np.float32) / np.float32(255)


def _as_json(stages: dict[str, Numbers], totals: Numbers, size: int) -> str:
    measured = {
        "predictions": len(totals),
        "images_each": size,
        "median_ms": {name: float(np.median(values)) for name, values in stages.items()},
        "total_ms": {f"p{part}": float(np.percentile(totals, part)) for part in (50, 95, 99)},
    }
    return json.dumps(measured) + "\n"


def _plot(stages: dict[str, Numbers], totals: Numbers, size: int) -> str:
    """The median of each stage as a bar, then how the totals are spread."""
    medians = {name: float(np.median(values)) for name, values in stages.items()}
    longest = max(*medians.values(), 1e-9)
    lines = [f"{len(totals)} predictions of {size} image{'s'[: size > 1]}; medians in milliseconds", ""]
    lines += [
        f"  {name:<7}{value:>9.3f}  {'█' * round(_WIDTH * value / longest)}"
        for name, value in medians.items()
    ]
    half, most, nearly_all = np.percentile(totals, [50, 95, 99])
    lines += ["", f"  total: median {half:.3f}, 95% within {most:.3f}, 99% within {nearly_all:.3f}", ""]
    counts, edges = np.histogram(totals, _BINS)
    lines += [
        f"  {edge:>9.3f}  {'█' * round(_WIDTH * count / counts.max())} {count}"
        for count, edge in zip(counts, edges, strict=False)
    ]
    return "\n".join(lines) + "\n"
