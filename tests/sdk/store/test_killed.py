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
MIXED_ROUNDS, INPUTS, FRAMES = 4, 24, 3  # of crowds beside films; inputs that a sender of these has


def features_of(network, images):
    return network.feature(images).reshape(len(images), -1)


def images_of(numbers):
    return np.concatenate(
        [np.random.default_rng(number).integers(0, 256, (1, 6, 6, 1), np.uint8) for number in numbers]
    )


def run_and_kill(one, other, seconds):
    """Run two senders at once and kill both, so many seconds after they are ready."""
    with (
        subprocess.Popen([sys.executable, SENDER, *map(str, one)], stdout=subprocess.PIPE) as first,
        subprocess.Popen([sys.executable, SENDER, *map(str, other)], stdout=subprocess.PIPE) as second,
    ):
        for process in (first, second):
            process.stdout.readline()
        time.sleep(seconds)
        for process in (first, second):
            process.kill()
        assert [process.wait() for process in (first, second)] == [-9, -9]


def companies(log, known):
    """The rows of each transmission as indices into known features: (T, K)."""
    each = known.shape[1] * 4 * K
    data = log.read_bytes()
    x = np.frombuffer(data[: len(data) // each * each], np.float32).reshape(-1, K, known.shape[1])
    return [[int(np.abs(known - row).max(axis=1).argmin()) for row in rows] for rows in x]


def assert_sound(decoys):
    with sqlite3.connect(decoys) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def graph_of(export):
    return export.cloud / export.manifest.model_name / "1" / "model.onnx"


def test_killed_at_random_moments_every_decoy_hides_one_input(new_export, tmp_path):
    export = new_export(kind="permutation", components=K, archive=True)
    decoys, log = tmp_path / "decoys.db", tmp_path / "sent"
    private = np.random.default_rng(10**7).integers(0, 256, (DECOYS, 6, 6, 1), np.uint8)
    store = Store(decoys)
    store.add(private)
    store.close()
    common, moments = (export.edge, graph_of(export), decoys, log), random.Random(0)
    for number in range(ROUNDS):
        # Two at once: they share the archive, and send some inputs both.
        run_and_kill((*common, 50 * number), (*common, 50 * number + 20), moments.uniform(0, 0.3))
    known = features_of(export.network, np.concatenate([images_of(range(400)), private]))
    sent = companies(log, known)
    assert len(sent) > 10
    seen = {}
    for which in sent:
        (own,) = [row for row in which if row < 400]
        assert seen.setdefault(own, which) == which, "an input went out among others than before"
    used = [row for which in seen.values() for row in which if row >= 400]
    assert len(used) == len(set(used)), "a decoy hid two inputs"
    assert_sound(decoys)
    assert Store(decoys).decoys_left <= DECOYS - len(used)  # marked before they left


def test_crowds_and_films_killed_at_random_moments_use_every_decoy_once(new_export, tmp_path):
    export = new_export(kind="permutation", components=K, archive=True)
    decoys, log = tmp_path / "decoys.db", tmp_path / "sent"
    films = MIXED_ROUNDS * INPUTS // FRAMES
    singles = images_of(range(10**6, 10**6 + MIXED_ROUNDS * INPUTS))
    bursts = images_of(range(2 * 10**6, 2 * 10**6 + films * (K - 1) * FRAMES))
    store = Store(decoys)
    store.add(singles)
    for burst in np.split(bursts, films * (K - 1)):
        store.add_burst(list(burst))
    store.close()
    common, moments = (export.edge, graph_of(export), decoys, log), random.Random(1)
    for number in range(MIXED_ROUNDS):
        crowds = (*common, INPUTS * number, "in_crowds")
        run_and_kill(crowds, (*common, INPUTS * (MIXED_ROUNDS + number), "in_films"), moments.uniform(0, 0.3))
    inputs = 2 * MIXED_ROUNDS * INPUTS  # the first half for crowds
    known = features_of(export.network, np.concatenate([images_of(range(inputs)), singles, bursts]))
    archive = inputs + len(singles)  # bursts begin here
    sent = companies(log, known)
    assert len(sent) > 10
    seen, scenes = {}, {}
    for which in sent:
        own = [row for row in which if row < inputs]
        assert own
        for row in own:
            assert seen.setdefault(row, which) == which, "an input went out among others than before"
        frames = [divmod(row - archive, FRAMES) for row in which if row >= archive]
        if own[0] < inputs // 2:
            assert not frames, "a crowd was filled up with a burst's frame"
            continue
        film, at = divmod(own[0], FRAMES)
        assert [frame for _, frame in frames] == [at] * (K - 1)
        for burst, _ in frames:
            assert scenes.setdefault(burst, film) == film, "a burst hid two films"
    once = {tuple(which) for which in seen.values()}
    used = [row for which in once for row in which if row >= inputs]
    assert {row >= archive for row in used} == {True, False}, "too early a kill: films or crowds never went"
    assert len(used) == len(set(used)), "a decoy hid two transmissions"
    assert_sound(decoys)
    assert Store(decoys).decoys_left <= len(singles) - sum(row < archive for row in used)
