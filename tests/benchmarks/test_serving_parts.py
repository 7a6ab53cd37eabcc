"""The serving benchmark's parts: loop, ratios, folders of the peers, table. Never how fast anything is."""

import asyncio
import json
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.environments import STAMP, UnavailableError, make_environment
from benchmarks.interleave import Spread
from benchmarks.serving.endurance import Flood, Growth
from benchmarks.serving.load import LEAST, Sample, closed_loop
from benchmarks.serving.peers import PEERS
from benchmarks.serving.process import pinned
from benchmarks.serving.report import render
from benchmarks.serving.throughput import IN_PROCESS, SCENARIOS, Slice, Table
from benchmarks.serving.workload import Workload
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.infer import join_response

ANSWER = np.arange(4, dtype=np.float16).reshape(1, 4)


@pytest.fixture
def workload(tmp_path: Path) -> Workload:
    graph = tmp_path / "graph.onnx"
    graph.write_bytes(b"graph")
    return Workload(graph, 'backend: "BACKEND"\n', {1: ANSWER}, {1: b"request"}, {1: ANSWER})


def test_a_closed_loop_keeps_so_many_calls_in_flight_and_counts_those_that_end_in_its_time() -> None:
    ticks = count()
    flying, most = 0, 0

    async def call(request: bytes) -> bytes:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0)
        flying -= 1
        return request + b"!"

    sample = asyncio.run(
        closed_loop(call, b"x", in_flight=3, seconds=200, lead=10, clock=lambda: float(next(ticks)))
    )
    assert most == 3
    assert sample.reply == b"x!"
    assert sample.seconds == 200
    assert 50 < len(sample.latencies) < 105  # two looks at the clock for each call
    assert sample.rate == len(sample.latencies) / 200


def test_a_slice_lasts_until_some_calls_are_done() -> None:
    ticks = count()

    async def call(request: bytes) -> bytes:
        await asyncio.sleep(0)
        return request

    sample = asyncio.run(
        closed_loop(call, b"", in_flight=1, seconds=1, lead=0, clock=lambda: float(next(ticks)))
    )
    assert len(sample.latencies) == LEAST
    assert sample.seconds > LEAST


def test_percentiles_are_latencies_that_occurred() -> None:
    sample = Sample(tuple(float(value) for value in range(100, 0, -1)), 1.0, b"")
    assert (sample.percentile(0.5), sample.percentile(0.99), sample.percentile(1.0)) == (51, 100, 100)


def test_ratios_are_taken_round_by_round() -> None:
    table = Table()
    scenario = SCENARIOS[0]
    table.slices[scenario, "ours"] = [Slice(10, 2.0), Slice(40, 1.0), Slice(30, 1.0)]
    table.slices[scenario, "triton"] = [Slice(10, 4.0), Slice(20, 4.0), Slice(10, 4.0)]
    assert table.ratio(scenario, "ours", "triton") == Spread.of([1.0, 2.0, 3.0])
    assert table.cpu_ratio(scenario, "ours", "triton").median == 4.0


def test_right_and_wrong_answers_are_told_apart(workload: Workload) -> None:
    reply = join_response(pb.ModelInferResponse(), {"h": ANSWER + np.float16(0.01)})
    assert workload.is_right(1, reply)
    assert not workload.is_right(1, join_response(pb.ModelInferResponse(), {"h": ANSWER + np.float16(1)}))
    assert not workload.is_right(1, join_response(pb.ModelInferResponse(), {"g": ANSWER}))


def test_an_environment_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    (tmp_path / STAMP).write_text("a==1\nb==2")
    assert make_environment(tmp_path, ("a==1", "b==2")) == tmp_path / "bin" / "python"


def test_an_environment_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(UnavailableError, match="no-such-package"):
        make_environment(tmp_path / "environment", ("no-such-package==1",))
    assert not (tmp_path / "environment" / STAMP).exists()


@pytest.mark.parametrize("name", ["ours", "kserve", "mlserver", "pygrpc-native"])
def test_each_peer_is_given_the_graph_and_a_port_of_loopback(
    name: str, workload: Workload, tmp_path: Path
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    launch = PEERS[name].prepare(Path("/env/bin/python"), folder, workload)
    texts = [*map(str, launch.command), *(path.read_text() for path in folder.glob("*.json"))]
    assert any(str(launch.port) in text for text in texts)
    assert any(str(workload.graph) in text or "repository" in text for text in texts)
    assert (folder / "graph.py").exists()


def test_mlserver_listens_on_loopback_alone(workload: Workload, tmp_path: Path) -> None:
    PEERS["mlserver"].prepare(Path("/env/bin/python"), tmp_path, workload)
    assert json.loads((tmp_path / "settings.json").read_text())["host"] == "127.0.0.1"


def test_a_command_is_pinned_to_one_core() -> None:
    command = pinned(["server", Path("file")], 3)
    assert "sched_setaffinity(0, {3})" in command[2]
    assert command[3:] == ["server", "file"]


def test_the_document_has_goals_rows_and_what_is_missing() -> None:
    table = Table()
    for scenario in SCENARIOS:
        table.slices[scenario, IN_PROCESS] = [Slice(1000, 1.0)] * 3
        table.slices[scenario, "ours"] = [Slice(800, 1.2, 10.0, 12.0)] * 3
        table.slices[scenario, "triton"] = [Slice(750, 1.3, 10.0, 20.0)] * 3
    text = render(
        table,
        {"kserve": "no wheel"},
        rounds=3,
        seconds=1,
        reply_bytes=16384,
        flood=Flood(1500, 1.0, 6.0, 40, 150.0, {"OK": 100, "RESOURCE_EXHAUSTED": 1400}, 0, 9.0),
        growth=Growth(2000, (100.0, 110.0, 112.5)),
    )
    for row in (
        "| requests/s over in process, 16 in flight, batch 1 | ≥ 0.74 | **0.80** (0.80 to 0.80) | yes |",
        "| requests/s over Triton, 16 in flight, batch 1 | ≥ 1.05 | **1.07** (1.07 to 1.07) | yes |",
        "| p99 over p50, 16 in flight, batch 1 | ≤ 1.3 | **1.20** (1.20 to 1.20) | yes | |",
        "Not measured: kserve, because no wheel",
        "100 OK, 1400 RESOURCE_EXHAUSTED; 0 wrong | yes |",
        "| the other client's p50 over its quiet p50 | ≤ 5 | 6.0 (1.0 → 6.0 ms, 40 calls) | no |",
        "From the second to the last: +2.5 MB.",
    ):
        assert row in text


@pytest.mark.parametrize("number", ["1", "0", "-3"])
def test_rounds_that_have_no_quartiles_are_refused_before_anything_is_measured(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serving", "--rounds", number])
    assert ended.value.code == 2
    assert (
        f"--rounds: {number} is too few: a ratio's quartiles need 2 rounds or more" in capsys.readouterr().err
    )
