"""The parts of the benchmark of the device's side: ratios, sizes, programs, table. Never how fast it is."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.edge import installed
from benchmarks.edge.calls import (
    IN_TURN,
    PARTS,
    PLAIN,
    PREPARED,
    REAL_PARTS,
    SDK,
    _echo,
    over_alone,
    over_parts,
    over_real,
    prepared_over_real,
)
from benchmarks.edge.figures import ROWS, Findings, Measured, once
from benchmarks.edge.networks import ECHO, REAL, _network, _write_echo, _write_real, images
from benchmarks.edge.report import NOTES, render, with_notes
from benchmarks.edge.stream import over_core, over_slowest, stages_of
from benchmarks.environments import UnavailableError
from benchmarks.interleave import Spread
from phasekey.bundle import TensorSpec
from phasekey.graph_runtime import GraphSession
from sdk import Timings


def test_a_call_is_put_over_the_sum_of_its_parts_and_over_the_real_split_round_by_round() -> None:
    times = {SDK: [4e-3, 6e-3, 12e-3], PLAIN: [2e-3, 2e-3, 3e-3], IN_TURN: [4e-3, 4e-3, 4e-3]}
    times |= {name: [1e-3, 1e-3, 2e-3] for name in PARTS}
    times |= {name: [0.5e-3, 0.5e-3, 0.5e-3] for name in REAL_PARTS}
    assert over_parts(times, IN_TURN).spread == Spread.of([1.0, 1.5, 3.0])
    assert over_parts(times, IN_TURN).parts == "µs: SDK 6000, parts in turn 4000"
    assert over_alone(times).spread == Spread.of([1.0, 1.5, 1.5])
    assert over_alone(times).parts == (
        "µs: SDK 6000, encoder 1000, echo RPC 1000, cloud compute 1000, decoder 1000"
    )
    assert over_real(times).spread == Spread.of([2.0, 3.0, 4.0])
    prepared = {PREPARED: [2e-3, 3e-3, 3e-3], PLAIN: times[PLAIN]}
    assert prepared_over_real(prepared).spread == Spread.of([1.0, 1.5, 1.0])
    assert over_real(times).parts == ("µs: SDK 6000, real 2000; the graphs alone 3000 over 1500, 2.00")


def test_a_stream_is_put_over_its_slowest_stage() -> None:
    timings = [Timings(1.0, 2.0, 3.0, 4.0, 5.0), Timings(1.0, 1.0, 1.0, 1.0, 1.0)]
    assert stages_of(timings) == (2.5, 4.5, 3.0)
    measured = over_slowest([(1.0, 4.0, 2.0), (6.0, 3.0, 2.0)], [5.0, 4.0])
    assert measured.spread == Spread.of([0.8, 1.5])
    assert "wire and cloud 3500000" in measured.parts
    measured = over_core([4.0, 3.0], [5.0, 4.0])
    assert measured == Measured(Spread.of([0.8, 0.75]), "µs an image: work 3500000, streamed 4500000")


def test_an_environment_is_measured_by_its_files_and_links_count_once(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    (site / "large" / "inner").mkdir(parents=True)
    (site / "large" / "inner" / "library.so").write_bytes(bytes(3_000_000))
    (site / "large" / "link.so").symlink_to(site / "large" / "inner" / "library.so")
    (site / "small.py").write_bytes(bytes(500_000))
    found = installed.sizes(tmp_path / "bin" / "python")
    assert found == {"large": 3.0, "small.py": 0.5}
    assert list(found) == ["large", "small.py"]
    assert installed.size(found) == Measured(once(3.5), "MB: large 3.0, small.py 0.5")


def test_imports_are_timed_in_processes_of_their_own() -> None:
    seconds = installed._number([sys.executable, "-I", "-c", installed.TIMED.format("sys, os")])
    assert 0 < seconds < 10


def test_what_a_program_says_at_its_end_is_why_a_row_is_missing() -> None:
    findings = Findings()
    findings.note("import", lambda: Measured(once(installed._number([sys.executable, "-c", "import nil"]))))
    findings.note("size", lambda: Measured(once(1.0)))
    assert findings.missing == {"import": "ModuleNotFoundError: No module named 'nil'"}
    assert list(findings.found) == ["size"]


def test_a_base_install_that_cannot_be_made_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, ...]] = []

    def refuse(folder: Path, requirements: tuple[str, ...]) -> Path:
        made.append(requirements)
        raise UnavailableError("no network")

    monkeypatch.setattr(installed, "make_environment", refuse)
    with pytest.raises(UnavailableError, match="no network"):
        installed.make_base(tmp_path)
    ((constraints, source),) = made
    assert Path(constraints.removeprefix("--constraint=")).is_file()
    assert {"sdk", "edge_runtime", "phasekey", "pyproject.toml"} <= {e.name for e in Path(source).iterdir()}


def test_the_echo_answers_any_request_with_as_many_bytes_as_asked() -> None:
    core = min(os.sched_getaffinity(0))
    with _echo(1234, core) as echo:
        assert echo(b"anything") == bytes(1234)
        assert echo(b"") == bytes(1234)


def test_the_real_split_computes_what_the_real_network_does(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = _network("lenet", "original")
    encoder, decoder = _write_real(network, tmp_path)
    processing = tmp_path / "bundle" / "cloud" / REAL / "1" / "model.onnx"
    batch = images("lenet", 3)
    x = GraphSession(encoder).run({"image": batch})["feature"].astype(np.float16)
    h = GraphSession(processing).run({"x": x})["h"].astype(np.float32)
    found = GraphSession(decoder).run({"feature": h})["probabilities"]
    pixels = torch.from_numpy(batch).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        wanted = torch.softmax(network.decoder(network.processing(network.encoder(pixels))), -1).numpy()
    np.testing.assert_allclose(found, wanted, atol=2e-3)  # float16 on the wire
    assert np.ptp(wanted) > 0.02  # so that another network's answer would not pass


def test_the_echo_model_gives_the_first_values_of_x_in_the_shape_of_h(small_export, tmp_path: Path) -> None:
    spec = TensorSpec("x", "float16", (None, 4, 3, 3)), TensorSpec("h", "float16", (None, 2, 2, 2))
    graph = replace(small_export.manifest.processing, inputs=spec[:1], outputs=spec[1:])
    _write_echo(replace(small_export.manifest, processing=graph), tmp_path)
    x = np.arange(72, dtype=np.float16).reshape(2, 4, 3, 3)
    h = GraphSession(tmp_path / ECHO / "1" / "model.onnx").run({"x": x})["h"]
    assert h.tolist() == x.reshape(2, -1)[:, :8].reshape(2, 2, 2, 2).tolist()
    assert "dims: [4, 3, 3]" in (tmp_path / ECHO / "config.pbtxt").read_text()


def test_the_page_has_goals_rows_and_what_is_missing() -> None:
    findings = Findings({name: Measured(Spread(0.9, 1.0, 1.1), "parts") for name in ROWS})
    findings.found["size"] = Measured(once(200.0), "MB: pip 14.2")
    del findings.found["memory"]
    findings.missing["memory"] = "no /proc"
    text = render(findings, rounds=5, few=3)
    for row in (
        "| SDK call / its parts in turn, LeNet | ≤ 1.05 | **1.000** (0.900 to 1.100) | yes | parts |",
        "| import time / an environment with torch | ≤ 0.1 | **1.000** (0.900 to 1.100) | no | parts |",
        "| base install, with pip | ≤ 190 MB | **200.0** MB | no | MB: pip 14.2 |",
        "| resident memory after one prediction, LeNet | ≤ 90 MB | not measured |  | no /proc |",
        "| streaming throughput × slowest stage, ResNet-20-α | ≥ 0.9 | **1.000** (0.900 to 1.100) | yes |",
    ):
        assert row in text


def test_the_page_keeps_what_was_written_by_hand() -> None:
    assert with_notes("new\n", f"old\n\n{NOTES}\n\nBecause.\n") == f"new\n\n{NOTES}\n\nBecause.\n"
    assert with_notes("new\n", "old\n") == "new\n"


def test_what_no_prediction_loads_is_deleted_before_one_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "lib" / "python3.11" / "site-packages"
    for name in (
        "onnxruntime/capi/libonnxruntime.so.1.2",
        "numpy/lib/tests/t.py",
        "numpy/lib/a.py",
        "pip/p.py",
    ):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_bytes(bytes(1_000_000))
    left: list[list[Path]] = []

    def predict(_: object) -> list[float]:
        left.append([path.relative_to(site) for path in site.rglob("*") if path.is_file()])
        return [0.0, 0.0]

    monkeypatch.setattr(installed, "_numbers", predict)
    measured = installed.trimmed(tmp_path / "bin" / "python", tmp_path, "target")
    assert left == [[Path("numpy/lib/a.py")]]
    assert measured.spread == once(1.0)
