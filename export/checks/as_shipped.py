"""How far the processing graph that ships is from PyTorch: in its arithmetic, with its wire's conversions.

PyTorch gets the very x that the graph gets, in the wire's type: the rounding of x is measured where the wire
is chosen (export.conversion.wire_choice), and what is left is the graph's own.

Where nothing is in int8, x is Gaussian, as in export.checks.parity: synthetic images give smooth maps, whose
neighbours nearly tie in pooling. int8 has ranges, which such x would leave: there it is of synthetic images.
"""

from dataclasses import dataclass

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from export.checks.parity import Error, Tolerance, relative_l2
from export.checks.transmissions import Floats, blocks_of, synthetic_x
from export.errors import ExportError
from export.graphs import Arithmetic, Graphs
from export.session import open_graph
from phasekey.bundle import WireSpec
from phasekey.model import SplitNetwork
from sdk.wire_format import from_wire, to_wire

_BATCH = 8
_EXACT = Tolerance(1e-5, 1e-4)  # the order of float32 sums
_HALF = Tolerance(5e-4, 1e-3)  # h is rounded to float16: a value by 2^-11 of itself, 4.9e-4, at most
# Beyond these an answer in int8 is no use (docs/adr/0020). Trained networks came to medians of 2e-2 to 3e-2.
_COARSE = Tolerance(0.2, 0.5)


@dataclass(frozen=True)
class AsShipped:
    """The error of the shipped processing graph, and what it was held to."""

    arithmetic: Arithmetic
    wire: str
    error: Error

    @property
    def gate(self) -> Tolerance:
        """What the error may come to, by arithmetic and wire."""
        if _is_coarse(self.arithmetic, self.wire):
            return _COARSE
        return _HALF if self.wire == "float16" else _EXACT

    def require(self, *, pools: bool) -> None:
        """Hold the error to the gate.

        Args:
            pools: whether there is pooling by the norm; then the 75% quantile counts in place of the largest
                error, as in export.checks.parity.

        Raises:
            ExportError: the median or the upper end is beyond it.
        """
        words, upper = ("75% quantile", self.error.q75) if pools else ("largest", self.error.largest)
        if self.error.median > self.gate.median or upper > self.gate.upper:
            raise ExportError(
                f"the processing graph as it ships ({self.arithmetic}, wire {self.wire}) is off by a "
                f"relative L2 of median {self.error.median:.1e} and {words} {upper:.1e}, expected at most "
                f"{self.gate.median:.0e} and {self.gate.upper:.0e}; nothing was written. Export with "
                "--processing float32 --wire float32"
            )


@torch.no_grad()
def measure_as_shipped(
    network: SplitNetwork, graphs: Graphs, shipped: onnx.ModelProto, wire: WireSpec, arithmetic: Arithmetic
) -> AsShipped:
    """Run the graph through its wire beside PyTorch.

    Args:
        network: what it was made from.
        graphs: as traced; the encoder's features give x its size.
        shipped: the processing graph, x in the wire's type -> h in the wire's type.
        wire: type and scales.
        arithmetic: of the shipped graph.

    Returns:
        Relative L2 errors of h by sample, summarised.

    Raises:
        GraphError: ONNX Runtime does not run the graph.
    """
    session, blocks = open_graph(shipped), blocks_of(network)
    x = synthetic_x(network, graphs)
    if (
        not _is_coarse(arithmetic, wire.dtype) and network.form != "canonical"
    ):  # that knows features from noise
        x = (x.std() * np.random.default_rng(0).standard_normal(x.shape)).astype(np.float32)
    errors = []
    for start in range(0, len(x), _BATCH):
        sent = to_wire(x[start : start + _BATCH], wire, blocks)
        h = from_wire(session.run({"x": sent})["h"], wire)
        errors.append(relative_l2(h, network.processing(torch.from_numpy(_received(sent, wire))).numpy()))
    return AsShipped(arithmetic, wire.dtype, Error.of(np.concatenate(errors)))


def _is_coarse(arithmetic: str, wire: str) -> bool:
    return "int8" in (arithmetic, wire)


def _received(sent: NDArray[np.generic], wire: WireSpec) -> Floats:
    """x as the graph computes on it: float32, of int8 in its scale."""
    values: Floats = sent.astype(np.float32)
    return values if wire.x_scale is None else values * np.float32(wire.x_scale)
