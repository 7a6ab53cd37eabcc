"""The demo does what it says, fails when wire and PyTorch part, and leaves no process behind."""

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from phasekey.demo import __main__ as demo
from phasekey.demo.measure import Results, measure
from phasekey.demo.picture import mosaic

COMMAND = [sys.executable, "-m", "phasekey.demo", "--epochs", "1"]


def test_it_prints_the_table_and_draws_the_picture(tmp_path: Path) -> None:
    done = subprocess.run(COMMAND, cwd=tmp_path, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    for row in ("no rotation", "through the wire", "same prediction", "latency", "bytes up / down"):
        assert row in done.stdout
    with Image.open(tmp_path / "build" / "demo" / "demo.png") as picture:
        assert min(picture.size) > 500
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50


def test_ctrl_c_leaves_no_process_behind(tmp_path: Path) -> None:
    process = subprocess.Popen(
        COMMAND, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        # Tests that a shell runs in the background ignore SIGINT, and what they start would do so too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout is not None
    while "cloud runtime at" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGSTOP)  # or it may be done before a busy machine gets round to the signal
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(signal.SIGINT)  # to the demo alone: it must end the server itself
    process.send_signal(signal.SIGCONT)
    assert process.wait(60) == 130
    assert psutil.wait_procs(children, timeout=20)[1] == []


def measured(exported, served: str) -> Results:
    return measure(exported.checkpoint, exported.edge, served)


def test_the_figures_are_those_of_the_network(exported, served: str) -> None:
    results = measured(exported, served)
    assert results.images == 355
    assert results.agreement >= 0.995
    assert results.accuracy_wire == pytest.approx(results.accuracy_torch, abs=0.01)
    x_and_h = 2 * 2 * 6 * 14 * 14, 2 * 2 * 84  # bytes of the tensors alone, as float16
    assert x_and_h[0] < results.bytes_up < x_and_h[0] + 300
    assert x_and_h[1] < results.bytes_down < x_and_h[1] + 300


def test_disagreement_fails_the_demo(exported, served: str, tmp_path: Path, monkeypatch) -> None:
    results = replace(measured(exported, served), agreement=0.99)
    monkeypatch.setattr(demo, "_step", lambda *_: None)
    monkeypatch.setattr("phasekey.demo.measure.measure", lambda *_: results)
    monkeypatch.setattr("phasekey.demo.picture.draw", lambda *_: tmp_path / "demo.png")
    monkeypatch.setattr("phasekey.demo.server.running_server", lambda _: served_by(served))
    assert demo.run(demo_arguments(tmp_path)) == 1


def demo_arguments(work: Path):
    import argparse

    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    return parser.parse_args(["--work", str(work)])


def served_by(address: str):
    from contextlib import nullcontext

    return nullcontext(address)


def test_mosaic_puts_every_channel_in_its_place() -> None:
    channels = np.arange(6 * 4, dtype=np.float32).reshape(6, 2, 2)
    sheet = mosaic(channels)
    assert sheet.shape == (5, 8)
    np.testing.assert_array_equal(sheet[0:2, 3:5], channels[1])
    np.testing.assert_array_equal(sheet[3:5, 6:8], channels[5])
    assert np.isnan(sheet[2]).all()
