"""Our own rows: LeNet in both modes that promise something, through a real server on loopback."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from phasekey.served import running_server
from sdk import EdgeClient

PREPARED = 118  # predictions that the digits set aside can hide, three for each


@contextmanager
def clients(folder: Path) -> Iterator[Mapping[str, Callable[[], object]]]:
    """Train, export and serve a LeNet for each mode; give what predicts one new image in each.

    Trained for one epoch: how long a prediction takes does not hang on the weights.

    Args:
        folder: where all of it is written.
    """
    images = iter(np.random.default_rng(0).integers(0, 256, (100_000, 32, 32, 1), dtype=np.uint8))
    with ExitStack() as stack:
        found: dict[str, Callable[[], object]] = {}
        for mode in ("bounded", "anonymous"):
            bundle = export_mode(folder, mode)
            target = stack.enter_context(running_server(bundle / "cloud"))
            archive = pack(folder, bundle) if mode == "anonymous" else None
            client = stack.enter_context(EdgeClient(bundle, target, secret=os.urandom(32), decoys=archive))
            if archive:
                client.prepare(PREPARED)
            found[mode] = partial(_predict_next, client, images)
        yield found


def _predict_next(client: EdgeClient, images: Iterator[np.ndarray]) -> None:
    client.predict(next(images))


def seconds(predict: Callable[[], object], repeats: int) -> list[float]:
    """Time so many predictions, each of a new image, after a first one."""
    predict()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        predict()
        times.append(time.perf_counter() - start)
    return times


def export_mode(folder: Path, mode: str) -> Path:
    """Train a LeNet for a mode of `phasekey train` for one epoch, and export it: the bundle's folder."""
    run, bundle = folder / mode, folder / f"{mode}-bundle"
    train = ["phasekey.cli", "train", "--mode", mode, "--arch", "lenet", "--data", "digits", "--epochs", "1"]
    run_module(*train, "--out", str(run))
    run_module("export", "--ckpt", str(run / "model.pt"), "--out", str(bundle))
    return bundle


def pack(folder: Path, bundle: Path) -> Path:
    """Make an archive of the digits set aside: its path."""
    archive = folder / "decoys.db"
    pack = ["phasekey.cli", "decoys", "pack", "--images", "digits", "--bundle", str(bundle)]
    run_module(*pack, "--out", str(archive))
    return archive


def run_module(*command: str) -> None:
    """Run a module of ours in a process of its own, without its output.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    subprocess.run([sys.executable, "-m", *command], stdout=subprocess.DEVNULL, check=True)
