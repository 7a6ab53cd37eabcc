"""Which type x and h travel in: as asked, or float16 where that costs no more than rounding should.

The error is that of h, relative L2 by sample, through the conversion of the SDK and that of the graph, on
synthetic features under random secrets. Max pooling by the norm is discontinuous (of two elements of
nearly one norm the other is kept), which puts single samples far off at any rounding; so it is the median
that decides, and the 95% quantile and the largest error are told beside it (docs/adr/0020).
"""

from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from export.checks.parity import relative_l2
from export.checks.transmissions import blocks_of, synthetic_x
from export.conversion.wire import LARGEST_INT8, convert_ends
from export.errors import ExportError
from export.graphs import Graphs
from export.session import open_graph
from phasekey.bundle import WireSpec
from phasekey.errors import PhasekeyError
from phasekey.graph_runtime import GraphSession
from phasekey.model import SplitNetwork
from sdk.wire_format import from_wire, to_wire

WireType = Literal["float32", "float16", "int8"]
LIMIT = 5e-4  # median error up to which float16 is the default
USELESS = 0.2  # median error beyond which a type that was asked for is refused
_BATCH = 8
Floats = NDArray[np.float32]


def choose_wire(network: SplitNetwork, graphs: Graphs, asked: WireType | None = None) -> WireSpec:
    """Choose the wire for the graphs of a network, of which the processing graph takes and gives float32.

    Args:
        network: what they were made from.
        graphs: as traced.
        asked: the type, or None for float16 where its median error is at most 5e-4, else float32.

    Returns:
        Type and scales, and what was measured.

    Raises:
        ExportError: the type that was asked for loses the values, e.g. beyond float16's range.
    """
    if asked == "float32":
        return WireSpec("float32", None, None, {"asked": asked})
    x, blocks = synthetic_x(network, graphs), blocks_of(network)
    h = _run(open_graph(graphs.processing), x)
    if not np.isfinite(h).all():
        raise ExportError("the processing module gives NaN or infinity on synthetic images; train it again")
    tried: WireType = asked or "float16"
    errors = _measure(graphs.processing, scaled(tried, x, h, blocks=blocks), x, h, blocks)
    measured = {"asked": asked or "auto", "limit": LIMIT, "samples": len(x), tried: errors}
    return scaled(_decide(tried, asked, errors), x, h, measured, blocks=blocks)


def scaled(
    dtype: WireType, x: Floats, h: Floats, measured: dict[str, Any] | None = None, *, blocks: int = 2
) -> WireSpec:
    """Make the wire of a type.

    int8 gets one scale for x and one for h, from what no secret changes: the largest |x| and |h| over their
    blocks.

    Args:
        dtype: the type.
        x: (N, kC, ...) float32.
        h: (N, kD, ...) float32.
        measured: facts to keep with it.
        blocks: k, or 1 where components are samples by themselves.
    """
    scales = [_scale(x, blocks), _scale(h, blocks)] if dtype == "int8" else [None, None]
    return WireSpec(dtype, scales[0], scales[1], measured or {})


def _scale(tensor: Floats, blocks: int) -> float:
    apart = tensor.reshape(len(tensor), blocks, -1)
    longest = float(np.abs(np.hypot.reduce(apart, axis=1)).max())
    # As float32, which is what both ends compute with; 1 where there is nothing but zeros.
    return float(np.float32(longest / LARGEST_INT8)) or 1.0


def _decide(tried: WireType, asked: WireType | None, errors: dict[str, float | None]) -> WireType:
    median = errors["median"]
    if asked is None:
        return tried if median is not None and median <= LIMIT else "float32"
    if median is None or median > USELESS:
        how = "values beyond its range" if median is None else f"a median error of h of {median:.0%}"
        raise ExportError(
            f"a wire of {asked} does not carry this network: {how} on synthetic images, where at most "
            f"{USELESS:.0%} is useful; export with --wire float32"
        )
    return tried


def _measure(
    processing: onnx.ModelProto, wire: WireSpec, x: Floats, h: Floats, blocks: int
) -> dict[str, float | None]:
    """Quantiles of the error of h; None for one that is not finite."""
    try:
        sent = np.concatenate([to_wire(part, wire, blocks) for part in _batches(x)])
    except PhasekeyError:  # beyond float16's range
        return dict.fromkeys(("median", "q95", "largest"))
    found = from_wire(_run(open_graph(convert_ends(processing, wire, blocks)), sent), wire)
    errors = relative_l2(found, h)
    quantiles = {"median": 0.5, "q95": 0.95, "largest": 1.0}
    return {name: _finite(float(np.quantile(errors, q, method="higher"))) for name, q in quantiles.items()}


def _finite(value: float) -> float | None:
    return float(f"{value:.3e}") if np.isfinite(value) else None


def _run(session: GraphSession, x: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([session.run({"x": part})["h"] for part in _batches(x)])


def _batches(x: NDArray[Any]) -> list[NDArray[Any]]:
    return [x[start : start + _BATCH] for start in range(0, len(x), _BATCH)]
