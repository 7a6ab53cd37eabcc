"""Precision and several processes, on the CPU."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.loop.hardware import build_accelerator
from phasekey.training.loop.train import train


def test_runs_of_different_precision_follow_one_another(few_digits, one_epoch):
    for precision in ("float32", "bfloat16", "float32"):
        network = load_checkpoint(train(replace(one_epoch, precision=precision), few_digits)).network
        assert all(value.dtype == torch.float32 for value in network.parameters())


def test_bfloat16_computes_otherwise_and_stays_close(few_digits, one_epoch, one_thread, tmp_path):
    losses = [
        load_checkpoint(
            train(replace(one_epoch, precision=p, out=tmp_path / p, defence="none"), few_digits)
        ).facts["loss"]
        for p in ("float32", "bfloat16")
    ]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_the_cpu_is_taken_when_asked_for(one_epoch):
    accelerator = build_accelerator(one_epoch)
    assert accelerator.device.type == "cpu"
    assert accelerator.num_processes == 1


SCRIPT = """
import sys
from phasekey.training.loop import train as loop
from phasekey.training.settings.config import TrainConfig
from phasekey.training.data.dataset import ImageDataset, Split
from phasekey.training.data.published.digits import load_digits
from phasekey.training.loop.run import Run
from pathlib import Path

whole = load_digits()
split = lambda part: Split(part.images[:64], part.labels[:64])
few = ImageDataset("few", whole.classes, split(whole.train), split(whole.test), "shift")
begun, seen = [], []
before = Run.__init__
Run.__init__ = lambda run, *a, **k: (before(run, *a, **k), begun.append(run))[0]
loop.train(TrainConfig(epochs=2, batch_size=16, device="cpu", out=Path(sys.argv[1])), few)
run = begun[0]
total = sum(float(value.double().sum()) for value in run.network.parameters())
critic = sum(float(value.double().sum()) for value in run.learner.defence.parameters())
Path(sys.argv[1], f"seen{run.rank}.txt").write_text(
    f"{run.world_size} {total!r} {critic!r} {len(run.finished)}"
)
"""


def test_two_machines_share_the_batches_and_agree_on_the_weights(tmp_path):
    """Two launchers of one process each, over loopback; on GPUs the same code runs with another backend."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc_per_node", "1"]
    launcher += ["--master_addr", "127.0.0.1", "--master_port", port]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    machines = [
        subprocess.Popen(
            [*launcher, "--node_rank", rank, str(script), str(tmp_path / "run")],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
        )
        for rank in ("0", "1")
    ]
    for machine in machines:
        said, _ = machine.communicate(timeout=240)
        assert machine.returncode == 0, said[-2000:]
    first, second = ((tmp_path / "run" / f"seen{rank}.txt").read_text() for rank in (0, 1))
    assert first == second
    assert first.startswith("2 ")
    assert load_checkpoint(tmp_path / "run" / "model.pt").facts["epochs"] == 2
    assert [
        json.loads(row)["epoch"] for row in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    ] == [1, 2]
