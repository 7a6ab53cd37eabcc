"""The wire's conversion inside the cloud's graph: against numpy, and still equivariant."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from export.conversion.wire import convert_ends
from export.conversion.wire_choice import LIMIT, choose_wire
from export.errors import ExportError
from export.graphs import Graphs
from export.proof import prove
from export.session import open_graph
from phasekey.bundle import WireSpec
from phasekey.graph_runtime import GraphError

C, SIZE, D, NOISE = 3, 4, 2, 5
INT8 = WireSpec("int8", 0.05, 0.2, {})
FLOAT16 = WireSpec("float16", None, None, {})
RANDOM = np.random.default_rng(0)
WEIGHT = RANDOM.normal(size=(D, C, 1, 1)).astype(np.float32)


def model(nodes, inputs, outputs, **constants) -> onnx.ModelProto:
    def ports(rows):
        return [helper.make_tensor_value_info(name, kind, ["N", *sizes]) for name, kind, *sizes in rows]

    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "graph", ports(inputs), ports(outputs), initializer=weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


# All that the choice asks of a network.
NETWORK = SimpleNamespace(secret="rotation", components=2, feature_shape=(C, SIZE, SIZE), noise_size=NOISE)


def processing(gain: float = 1.0) -> onnx.ModelProto:
    """h = Wx: one real weight for both parts."""
    return model(
        [helper.make_node("Conv", ["x", "W"], ["h"], group=2)],
        [("x", TensorProto.FLOAT, 2 * C, SIZE, SIZE)],
        [("h", TensorProto.FLOAT, 2 * D, SIZE, SIZE)],
        W=np.concatenate([WEIGHT, WEIGHT]) * np.float32(gain),
    )


def encoder(gain: float = 1.0) -> onnx.ModelProto:
    """Features and decoys straight from the noise; images are not looked at."""
    make = helper.make_node
    shape = np.array([-1, C, SIZE, SIZE], np.int64)
    return model(
        [
            make("MatMul", ["noise", "M"], ["flat"]),
            make("Reshape", ["flat", "shape"], ["decoy"]),
            make("Identity", ["decoy"], ["feature"]),
        ],
        [("image", TensorProto.UINT8, 2, 2, 1), ("noise", TensorProto.FLOAT, NOISE)],
        [(name, TensorProto.FLOAT, C, SIZE, SIZE) for name in ("feature", "decoy")],
        M=np.random.default_rng(1).normal(size=(NOISE, C * SIZE * SIZE)).astype(np.float32)
        * np.float32(gain),
        shape=shape,
    )


def graphs(**gains: float) -> Graphs:
    return Graphs(encoder(gains.get("encoder", 1)), processing(gains.get("processing", 1)), model([], [], []))


def naive(x):
    return np.einsum("nchw,dc->ndhw", x.astype(np.float64), np.kron(np.eye(2), WEIGHT[:, :, 0, 0]))


def norms(pair):
    return np.hypot(*np.split(pair, 2, axis=1))


def test_float32_leaves_the_graph_as_it_is() -> None:
    assert convert_ends(processing(), WireSpec("float32", None, None, {})) == processing()


def test_the_graph_given_is_not_changed() -> None:
    given = processing()
    for wire in (FLOAT16, INT8):
        convert_ends(given, wire)
    assert given == processing()


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_float16_comes_and_goes_and_is_computed_in_float32(batch: int) -> None:
    session = open_graph(convert_ends(processing(), FLOAT16))
    x = RANDOM.normal(size=(batch, 2 * C, SIZE, SIZE)).astype(np.float16)
    h = session.run({"x": x})["h"]
    assert h.dtype == np.float16
    # Rounded once, at the end.
    np.testing.assert_allclose(h.astype(np.float64), naive(x), rtol=2**-11 * 1.01, atol=1e-6)
    with pytest.raises(GraphError, match="must be float16"):
        session.run({"x": x.astype(np.float32)})


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_int8_comes_and_goes_by_its_scales(batch: int) -> None:
    session = open_graph(convert_ends(processing(), INT8))
    x = RANDOM.integers(-127, 128, (batch, 2 * C, SIZE, SIZE), np.int8)
    h = session.run({"x": x})["h"]
    assert h.dtype == np.int8
    expected = naive(x * np.float64(0.05))
    within = norms(expected) <= 127 * 0.2
    assert within.any()
    gap = np.abs(h * np.float64(0.2) - expected)
    assert max(part[within].max() for part in np.split(gap, 2, axis=1)) <= 0.1 + 1e-5


def test_int8_shortens_h_and_keeps_its_phase() -> None:
    wire = replace(INT8, h_scale=0.01)  # a range that most of h is beyond
    x = RANDOM.integers(-127, 128, (20, 2 * C, SIZE, SIZE), np.int8)
    h = open_graph(convert_ends(processing(), wire)).run({"x": x})["h"]
    expected = naive(x * np.float64(0.05))
    beyond = norms(expected) > 127 * 0.01
    assert beyond.mean() > 0.5
    found, wanted = (
        np.split(part.astype(np.float64), 2, axis=1)[0] + 1j * np.split(part, 2, axis=1)[1]
        for part in (h, expected)
    )
    turned = np.angle(found[beyond] / wanted[beyond])
    assert np.abs(turned).max() <= np.sqrt(0.5) / 126
    np.testing.assert_allclose(np.abs(found[beyond]), 127, atol=0.8)


def test_an_answer_of_zeros_stays_zero() -> None:
    x = np.zeros((1, 2 * C, SIZE, SIZE), np.int8)
    assert not open_graph(convert_ends(processing(), INT8)).run({"x": x})["h"].any()


def test_h_may_be_a_vector() -> None:
    flat = model(
        [helper.make_node("Gemm", ["x", "W"], ["h"])],
        [("x", TensorProto.FLOAT, 4)],
        [("h", TensorProto.FLOAT, 6)],
        W=np.kron(np.eye(2), np.arange(6).reshape(2, 3)).astype(np.float32),
    )
    converted = convert_ends(flat, INT8)
    x = np.array([[1, 2, 3, 4]], np.int8)
    h = open_graph(converted).run({"x": x})["h"]
    expected = x * 0.05 @ np.kron(np.eye(2), np.arange(6).reshape(2, 3)) / 0.2
    np.testing.assert_allclose(h, expected, atol=0.501)


@pytest.mark.parametrize(("wire", "grade"), [(FLOAT16, "exact"), (INT8, "up to quantisation")])
def test_the_converted_graph_is_proved(wire: WireSpec, grade: str) -> None:
    verdict = prove(convert_ends(processing(), wire))
    assert verdict.failure is None
    assert verdict.grade == grade


def test_a_graph_with_other_ends_is_refused() -> None:
    with pytest.raises(ExportError, match="from x to h, both float32"):
        convert_ends(convert_ends(processing(), FLOAT16), FLOAT16)


# The choice


def test_float16_is_chosen_where_it_costs_nothing() -> None:
    wire = choose_wire(NETWORK, graphs())
    assert (wire.dtype, wire.x_scale, wire.h_scale) == ("float16", None, None)
    assert wire.measured["asked"] == "auto"
    assert 1e-5 < wire.measured["float16"]["median"] <= LIMIT
    assert wire.measured["float16"]["median"] <= wire.measured["float16"]["largest"]


@pytest.mark.parametrize(
    "gains", [{"encoder": 1e5}, {"processing": 1e5}, {"encoder": 1e-8}], ids=["x", "h", "too small"]
)
def test_float32_is_chosen_where_float16_loses_the_values(gains) -> None:
    wire = choose_wire(NETWORK, graphs(**gains))
    assert wire.dtype == "float32"
    median = wire.measured["float16"]["median"]
    assert median is None or median > LIMIT
    with pytest.raises(ExportError, match=r"does not carry this network.*--wire float32"):
        choose_wire(NETWORK, graphs(**gains), "float16")


@pytest.mark.parametrize("gain", [1e-8, 1, 1e5])
def test_int8_scales_with_the_network(gain: float) -> None:
    wire = choose_wire(NETWORK, graphs(encoder=gain), "int8")
    assert 0.001 < wire.measured["int8"]["median"] < 0.05
    assert wire.x_scale == pytest.approx(choose_wire(NETWORK, graphs(), "int8").x_scale * gain, rel=1e-5)


def test_int8_scales_reach_as_far_as_the_longest_value() -> None:
    """All of the synthetic x lie within 127 steps, the longest at the end: by the encoder's equation."""
    wire = choose_wire(NETWORK, graphs(), "int8")
    from export.checks.transmissions import synthetic_x

    x = synthetic_x(NETWORK, graphs())
    assert norms(x).max() == pytest.approx(127 * wire.x_scale, rel=1e-5)
    assert norms(naive(x)).max() == pytest.approx(127 * wire.h_scale, rel=1e-5)


def test_what_was_asked_for_is_told() -> None:
    assert choose_wire(NETWORK, graphs(), "float32").measured == {"asked": "float32"}
    assert choose_wire(NETWORK, graphs(), "int8").measured["asked"] == "int8"


def test_the_choice_is_the_same_each_time() -> None:
    assert choose_wire(NETWORK, graphs(), "int8") == choose_wire(NETWORK, graphs(), "int8")


def test_a_network_that_gives_nan_is_refused() -> None:
    with pytest.raises(ExportError, match="NaN or infinity"):
        choose_wire(NETWORK, graphs(encoder=1e38, processing=1e38))
