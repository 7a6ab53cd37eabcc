"""Which graphs can be asked about at all, and what a verdict tells."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from export.proof import Layout, UnreadableGraphError, Verdict, prove

from . import graph_builder as b
from .graph_builder import OUTPUTS, Graph, network, save


def gemm(shape=("N", 2 * OUTPUTS), **options) -> Graph:
    g = Graph(shape, **options)
    g.out = b.unfold(g, g.node("Gemm", b.fold(g, "x"), g.weight(OUTPUTS, OUTPUTS)))
    return g


def test_the_table_holds_every_tensor_that_counts() -> None:
    verdict = prove(network())
    facts = {fact.name: fact for fact in verdict.tensors}
    assert facts["x"].type == "equivariant pair (axis 1 = …·2·3)"
    assert (facts["h"].shape, facts["h"].made_by) == ("(N, 10)", "out_0 Identity")
    assert {"real part alone", "invariant"} <= {fact.type.split(" (#")[0] for fact in verdict.tensors}
    assert "every angle and batch size" in str(verdict)


def test_a_failure_names_node_tensor_and_rule() -> None:
    failure = prove(network(delta=lambda g, f: g.node("Relu", f))).failure
    assert (failure.node, failure.op, failure.tensor) == ("Relu_3", "Relu", "t3")
    assert "norm" in failure.rule


def test_nodes_without_names_go_by_position() -> None:
    model = network(delta=lambda g, f: g.node("Relu", f))
    for node in model.graph.node:
        node.name = ""
    assert prove(model).failure.node == "#3"


def test_what_no_output_needs_is_left_alone() -> None:
    g = gemm()
    g.node("Relu", "x")
    assert prove(g.model(g.out)).proved


def test_all_outputs_must_turn_or_those_named() -> None:
    g = gemm()
    model = g.model(g.out, b.norm(g, b.fold(g, "x"), rank=2))
    verdict = prove(model)
    assert (verdict.proved, verdict.failure.tensor) == (False, "h1")
    assert prove(model, outputs=["h"]).proved
    with pytest.raises(UnreadableGraphError, match="outputs"):
        prove(model, outputs=["nothing"])


def test_other_inputs_are_held_fixed(check) -> None:
    g = gemm()
    gate = helper.make_tensor_value_info("gate", TensorProto.FLOAT, [1])
    model = g.model(g.node("Mul", g.out, "gate"), extra_inputs=[gate])
    with pytest.raises(UnreadableGraphError, match="one of"):
        prove(model)
    assert check(model, rotated="x").proved
    assert not prove(model, rotated="gate").proved


@pytest.mark.parametrize(
    ("shape", "rule"),
    [
        (("N", 7), "does not hold real and imaginary parts"),
        (("N", "C"), "open size"),
        (("N",), "does not hold"),
        (("N", 6, "H"), "open size"),
    ],
)
def test_inputs_that_cannot_hold_pairs(shape, rule: str) -> None:
    g = Graph(shape)
    verdict = prove(g.model(g.node("Identity", "x"), rank=len(shape)))
    assert (verdict.proved, verdict.failure.op) == (False, "Input")
    assert rule in verdict.failure.rule


def test_whole_unsigned_inputs_do_not_turn() -> None:
    g = Graph(("N", 4), dtype=TensorProto.UINT8)
    failure = prove(g.model(g.node("Cast", "x", to=TensorProto.FLOAT))).failure
    assert "signed" in failure.rule


def test_the_output_must_have_the_layout_asked_for() -> None:
    failure = prove(network(), layout=Layout(interleaved=True)).failure
    assert failure is not None


def test_local_functions_are_written_out(check) -> None:
    g = gemm()
    out = g.node("Twice", g.out, domain="own")
    model = g.model(out)
    body = [helper.make_node("Add", ["a", "a"], ["b"])]
    opset = helper.make_opsetid("", 20)
    model.functions.append(helper.make_function("own", "Twice", ["a"], ["b"], body, [opset]))
    model.opset_import.append(helper.make_opsetid("own", 1))
    assert check(model).proved


def test_operators_of_other_domains_are_unknown() -> None:
    g = gemm()
    model = g.model(g.node("Identity", g.out, domain="elsewhere"))
    model.opset_import.append(helper.make_opsetid("elsewhere", 1))
    assert "elsewhere::Identity" in prove(model).failure.rule


def truncated(path):
    path.write_bytes(path.read_bytes()[:200])


def text(path):
    path.write_text("no graph at all")


def missing(path):
    path.unlink()


@pytest.mark.parametrize("damage", [truncated, text, missing])
def test_files_that_are_no_graph(tmp_path, damage) -> None:
    path = save(network(), tmp_path)
    damage(path)
    with pytest.raises(UnreadableGraphError, match="Expected"):
        prove(path)


@pytest.mark.parametrize("version", [7, 10, 99])
def test_opsets_without_rules(version: int) -> None:
    model = network()
    model.opset_import[0].version = version
    with pytest.raises(UnreadableGraphError, match="Expected"):
        prove(model)


def test_a_graph_that_reads_what_it_does_not_have() -> None:
    model = network()
    model.graph.node[3].input[0] = "nowhere"
    with pytest.raises(UnreadableGraphError, match="valid"):
        prove(model)


def test_weights_in_a_file_of_their_own(tmp_path) -> None:
    path = tmp_path / "graph.onnx"
    onnx.save(network(), path, save_as_external_data=True, size_threshold=0)
    assert prove(path).proved


def test_stored_weights_that_are_listed_as_inputs_too() -> None:
    model = network()
    for weight in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims))
    assert prove(model).proved


def test_a_verdict_compares_by_value() -> None:
    assert prove(network()) == prove(network())
    assert isinstance(prove(network()), Verdict)
    assert np.all([fact.name for fact in prove(network()).tensors])
