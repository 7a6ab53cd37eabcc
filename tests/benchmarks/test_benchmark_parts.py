"""The benchmark's pure parts: what it computes from timings. Never how long anything takes."""

from itertools import count

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from benchmarks.export_speed import ROWS
from benchmarks.graphs import with_half_wire
from benchmarks.interleave import Spread, interleave, ratios
from benchmarks.report import profile_text, render, table
from benchmarks.results import Profile, Result
from benchmarks.sessions import by_operator, open_session


def test_each_round_gives_one_ratio_and_the_median_counts() -> None:
    found = ratios({"base": [1.0, 2.0, 4.0], "other": [2.0, 6.0, 4.0]}, "base")
    assert found == {"other": Spread(1.5, 2.0, 2.5)}  # of the ratios 1, 2, 3; not of the times


def test_calls_are_interleaved_and_timed_per_call() -> None:
    order: list[str] = []
    ticks = count()
    calls = {name: lambda name=name: order.append(name) for name in ("a", "b")}
    times = interleave(calls, rounds=2, slice_seconds=3, clock=lambda: float(next(ticks)))
    assert "".join(order).endswith("aaaabbbbbbbbaaaa")  # one to warm up, three timed; then the other way
    assert times == {"a": [pytest.approx(1 / 3)] * 2, "b": [pytest.approx(1 / 3)] * 2}


def test_the_table_says_goal_measured_and_whether_it_was_met() -> None:
    met = Result(ROWS[0], Spread(2.0, 2.1, 2.3), Spread(3, 3, 3), None)
    missed = Result(ROWS[1], Spread(2.2, 2.3, 2.4), None, None)
    lines = table([met, missed]).splitlines()
    assert "≤ 2.4 | **2.10** (2.00 to 2.30) | yes" in lines[2]
    assert "≤ 2.2 | **2.30** (2.20 to 2.40) | no" in lines[3]
    assert "random" in render([met], [], rounds=5)


def test_profiles_are_summed_by_operator() -> None:
    events = [
        {"cat": "Node", "name": f"{node}_kernel_time", "dur": dur, "args": {"op_name": op}}
        for node, op, dur in [
            ("m1", "Mul", 3),
            ("m1", "Mul", 5),
            ("m1", "Mul", 99),
            ("m2", "Mul", 1),
            ("c", "Conv", 9),
        ]
    ]
    noise = [{"cat": "Session", "name": "model_run", "dur": 1000}]
    assert by_operator([*events, *noise]) == {"Conv": (1, 9.0), "Mul": (2, 6.0)}
    text = profile_text(
        [Profile("net", 1, "real 2N", {"Conv": (1, 8.0)}), Profile("net", 1, "complex", by_operator(events))]
    )
    assert "| Conv | 8 (1) | 9 (1) |" in text
    assert "| all | 8 (1) | 15 (3) |" in text


def test_the_half_wire_converts_at_both_ends() -> None:
    double = helper.make_node("Add", ["x", "x"], ["h"])
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2]) for name in ("x", "h")]
    model = helper.make_model(
        helper.make_graph([double], "g", ends[:1], ends[1:]),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=10,
    )
    half = with_half_wire(model)
    onnx.checker.check_model(half, full_check=True)
    (h,) = open_session(half).run(None, {"x": np.array([[1, 2.5]], np.float16)})
    assert h.dtype == np.float16
    np.testing.assert_array_equal(h, [[2, 5]])
