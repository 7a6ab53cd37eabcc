"""Killed at any moment, no decoy hides two inputs, and an input that went out goes out the same again."""

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from sdk.store import Store

SENDER = Path(__file__).with_name("sender.py")
K, ROUNDS, DECOYS = 4, 8, 3000


def features_of(network, images):
    return network.feature(images).reshape(len(images), -1)


def test_killed_at_random_moments_every_decoy_hides_one_input(new_export, tmp_path):
    export = new_export(kind="permutation", components=K, archive=True)
    decoys, log = tmp_path / "decoys.db", tmp_path / "sent"
    private = np.random.default_rng(10**7).integers(0, 256, (DECOYS, 6, 6, 1), np.uint8)
    store = Store(decoys)
    store.add(private)
    store.close()
    graph = export.cloud / export.manifest.model_name / "1" / "model.onnx"
    moments, killed = random.Random(0), 0
    for number in range(ROUNDS):
        command = [sys.executable, SENDER, export.edge, graph, decoys, log, str(50 * number)]
        # Two at once: they share the archive, and send some inputs both.
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE) as one,
            subprocess.Popen([*command[:-1], str(50 * number + 20)], stdout=subprocess.PIPE) as other,
        ):
            for process in (one, other):
                process.stdout.readline()
            time.sleep(moments.uniform(0, 0.3))
            for process in (one, other):
                process.kill()
                killed += process.wait() == -9
    assert killed == 2 * ROUNDS
    inputs = np.concatenate(
        [np.random.default_rng(n).integers(0, 256, (1, 6, 6, 1), np.uint8) for n in range(400)]
    )
    known = features_of(export.network, np.concatenate([inputs, private]))
    each = known.shape[1] * 4 * K
    data = log.read_bytes()
    x = np.frombuffer(data[: len(data) // each * each], np.float32).reshape(-1, K, known.shape[1])
    assert len(x) > 10
    seen = {}
    for rows in x:
        which = [int(np.abs(known - row).max(axis=1).argmin()) for row in rows]
        (own,) = [row for row in which if row < 400]
        assert seen.setdefault(own, which) == which, "an input went out among others than before"
    used = [row for which in seen.values() for row in which if row >= 400]
    assert len(used) == len(set(used)), "a decoy hid two inputs"
    with sqlite3.connect(decoys) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert Store(decoys).decoys_left <= DECOYS - len(used)  # marked before they left
