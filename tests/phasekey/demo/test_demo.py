"""The demo does what it says, fails when wire and PyTorch part, and leaves no process behind."""

import argparse
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from phasekey.bundle import load_manifest
from phasekey.demo import __main__ as demo
from phasekey.demo import measure
from phasekey.demo.measure import Mode, components_of, held_out
from phasekey.demo.picture import mosaic
from phasekey.demo.show import candidates_of
from phasekey.served import running_server
from phasekey.training.checkpoint import load_checkpoint

COMMAND = [sys.executable, "-m", "phasekey.demo", "--epochs", "1"]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("demo")
    said = subprocess.run(COMMAND, cwd=folder, capture_output=True, text=True, timeout=280)
    return folder / "build" / "demo", said


def test_it_prints_both_tables_draws_the_picture_and_writes_the_page(done) -> None:
    work, said = done
    assert said.returncode == 0, said.stderr
    for row in ("bounded:", "anonymous:", "nothing hidden", "through the wire", "latency", "bytes up / down"):
        assert row in said.stdout
    with Image.open(work / "demo.png") as picture:
        assert min(picture.size) > 500
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50
    assert "What does the cloud receive?" in (work / "demo.html").read_text()


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


def test_bounded_figures_are_those_of_the_network(done) -> None:
    folder = done[0] / "bounded"
    with running_server(folder / "bundle" / "cloud") as address:
        mode, seen, secrets = measure.measure_bounded(folder / "run" / "model.pt", folder / "bundle", address)
    assert mode.images == 355
    assert mode.agreement >= 0.995
    # What was sent is what the secret hides: undone, its first row has the feature's length.
    network = load_checkpoint(folder / "run" / "model.pt").network
    rows = np.einsum("nij,nid->njd", secrets, components_of(network, seen.x))
    np.testing.assert_allclose(np.linalg.norm(rows[:, 0], axis=1), 12**0.5, rtol=5e-3)  # a float16 wire
    assert load_manifest(folder / "bundle" / "edge").nats_per_transmission == pytest.approx(0.186, abs=0.001)


def test_anonymous_inputs_stand_among_images_of_the_archive(done) -> None:
    folder, archive = done[0] / "anonymous", done[0] / "again.db"
    packed = done[0] / "decoys"
    pack = (
        "decoys",
        "pack",
        "--images",
        str(packed),
        "--bundle",
        str(folder / "bundle"),
        "--out",
        str(archive),
    )
    subprocess.run([sys.executable, "-m", "phasekey.cli", *pack], check=True, capture_output=True)
    with running_server(folder / "bundle" / "cloud") as address:
        mode, seen, places = measure.measure_anonymous(
            folder / "run" / "model.pt", folder / "bundle", address, archive, bytes(range(32))
        )
    assert (mode.plain, mode.agreement) == (mode.wire, 1.0)  # nothing hangs on the secret
    network = load_checkpoint(folder / "run" / "model.pt").network
    candidates = candidates_of(network, seen)
    assert candidates.shape[:2] == (85, 4)
    inputs = np.take_along_axis(candidates, places[:, None, None, None, None], axis=1)[:, 0]
    np.testing.assert_array_equal(inputs, seen.images)
    assert len(np.unique(places)) == 4
    decoys = np.delete(candidates.reshape(340, -1), 4 * np.arange(85) + places, axis=0)
    kept = {image.tobytes() for image in held_out()[0][85:]}
    assert {decoy.tobytes() for decoy in decoys} <= kept


def test_disagreement_fails_the_demo(tmp_path: Path, monkeypatch, capsys) -> None:
    fine = Mode(images=1, plain=1.0, wire=1.0, agreement=1.0, latency=1.0, up=1.0, down=1.0)
    modes = {"bounded": replace(fine, agreement=0.99), "anonymous": fine}
    monkeypatch.setattr(demo, "_step", lambda *_: None)
    monkeypatch.setattr(demo, "_measure_and_show", lambda *_: modes)
    parser = argparse.ArgumentParser()
    demo.add_arguments(parser)
    assert demo.run(parser.parse_args(["--work", str(tmp_path)])) == 1
    assert "bounded" in capsys.readouterr().err


def test_mosaic_puts_every_channel_in_its_place() -> None:
    channels = np.arange(6 * 4, dtype=np.float32).reshape(6, 2, 2)
    sheet = mosaic(channels)
    assert sheet.shape == (5, 8)
    np.testing.assert_array_equal(sheet[0:2, 3:5], channels[1])
    np.testing.assert_array_equal(sheet[3:5, 6:8], channels[5])
    assert np.isnan(sheet[2]).all()
