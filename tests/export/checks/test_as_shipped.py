"""The graph that ships, int8 and the wire included, against PyTorch: close enough, or nothing is written."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from export.checks.as_shipped import AsShipped, measure_as_shipped
from export.checks.evidence import collect
from export.checks.parity import Error
from export.conversion.shipped import convert
from export.conversion.wire import convert_ends
from export.conversion.wire_choice import choose_wire
from export.errors import ExportError


@pytest.mark.parametrize(
    ("wire", "least", "most"), [("float32", 0, 1e-5), ("float16", 1e-5, 5e-4), ("int8", 1e-3, 0.05)]
)
def test_each_wire_rounds_as_it_must_and_no_more(checkpoint, graphs, wire, least, most) -> None:
    spec = choose_wire(checkpoint.network, graphs, wire)
    shipped = convert_ends(graphs.processing, spec)
    found = measure_as_shipped(checkpoint.network, graphs, shipped, spec, "float32")
    assert least < found.error.median < most
    found.require(pools=False)


def test_int8_is_measured_as_it_ships(checkpoint, graphs) -> None:
    shipped = convert(checkpoint, graphs, processing="int8", wire="float16")
    evidence = collect(checkpoint.network, graphs, shipped.processing, wire=shipped.wire, arithmetic="int8")
    assert 5e-3 < evidence.as_shipped.error.median < 0.1
    assert evidence.facts()["parity"]["shipped"]["median"] == evidence.as_shipped.error.median
    assert evidence.parity.processing.median < 1e-5  # the graph as traced is another measurement


def test_a_wrong_shipped_graph_is_refused_where_the_traced_one_is_right(checkpoint, graphs) -> None:
    """Weights that went wrong after tracing: equivariant still, so the proof has nothing against them."""
    spec = choose_wire(checkpoint.network, graphs, "float16")
    wrong = onnx.ModelProto()
    wrong.CopyFrom(graphs.processing)
    weight = max(wrong.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    weight.CopyFrom(numpy_helper.from_array(1.01 * numpy_helper.to_array(weight), weight.name))
    shipped = convert_ends(wrong, spec)
    with pytest.raises(ExportError, match=r"as it ships \(float32, wire float16\) is off by"):
        collect(checkpoint.network, graphs, shipped, wire=spec)


def test_the_gates_are_those_that_are_stated() -> None:
    def gate(arithmetic: str, wire: str) -> tuple[float, float]:
        found = AsShipped(arithmetic, wire, Error.of(np.zeros(2, np.float32))).gate
        return found.median, found.upper

    assert gate("float32", "float32") == (1e-5, 1e-4)
    assert gate("float32", "float16") == (5e-4, 1e-3)
    assert gate("float32", "int8") == gate("int8", "float32") == gate("int8", "int8") == (0.2, 0.5)
