"""Callers: each an EdgeClient with inputs of its own that knows the right answers."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from phasekey.bundle import ARCHIVE, edge_of, load_manifest
from phasekey.errors import PhasekeyError
from phasekey.graph_runtime import GraphSession
from sdk import DecoysExhausted, EdgeClient, Unavailable
from sdk.store import Store
from sdk.transport.status import NOTHING_SENT

IMAGES, REUSE = 8, 200  # inputs of one caller; calls of one connection
# float16 on the wire, and sums that go another way at another batch size.
TOLERANCE = 0.02
PATIENCE = 50  # connections in a row that find no server ready, a fifth of a second apart
Floats = np.ndarray[Any, np.dtype[Any]]


class Tally:
    """What became of calls. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock, self.right, self.lost = threading.Lock(), 0, Counter[str]()

    def add(self, loss: str | None) -> None:
        """Count one: None for the right answer."""
        with self._lock:
            if loss is None:
                self.right += 1
            else:
                self.lost[loss] += 1


class InProcess:
    """A transport to the cloud's graph in this process: what the answers have to be."""

    bytes_up = bytes_down = 0

    def __init__(self, graph: Path) -> None:
        self._session = GraphSession(graph)

    def check(self, _: object) -> None:
        """There is nothing to check."""

    def infer(self, x: Floats) -> Floats:
        """Run the graph."""
        return self._session.run({"x": x})["h"]

    def close(self) -> None:
        """There is nothing to close."""


class Caller:
    """One device: a secret, inputs and, where the bundle hides an input among others, an archive of decoys.

    Args:
        bundle: the export.
        graph: the cloud's graph, for the right answers.
        folder: an empty one, for its archive.
        seed: of its inputs, decoys and secret.
        decoys: how many its archive gets; None for as many as its inputs take.
        options: of EdgeClient: targets, certificates, retries.
    """

    def __init__(
        self, bundle: Path, graph: Path, folder: Path, seed: int, decoys: int | None = None, **options: Any
    ) -> None:
        self._bundle, self._options = bundle, options
        manifest = load_manifest(edge_of(bundle))
        random = np.random.default_rng(seed)
        shape = (manifest.image.height, manifest.image.width, manifest.image.channels)
        others = manifest.secret.components - 1
        self.affords = (decoys or 0) // others  # new inputs
        self.images = _draw(random, IMAGES, shape, manifest.image.dtype)
        self._own: dict[str, Any] = {"secret": random.bytes(32)}
        self.has_archive = manifest.decoy.source == ARCHIVE
        if self.has_archive:
            self._own["decoys"] = folder / f"{seed}.db"
            store = Store(self._own["decoys"])
            store.add(random.integers(0, 256, (decoys or IMAGES * others, *shape), np.uint8))
            store.close()
        if decoys is None:
            with EdgeClient(bundle, transport=InProcess(graph), **self._own) as oracle:
                self._right = oracle.predict(self.images).probabilities
        self._random, self._shape, self._dtype = random, shape, manifest.image.dtype

    def run(self, stopped: threading.Event, tally: Tally) -> None:
        """Ask one input after another, over a new connection every so often.

        A connection made while one server shuts down and the other isn't back may find neither ready: nothing
        was sent then, and it is tried again in a moment, as the error says. That it never works is a loss.
        """
        number = refused = 0
        while not stopped.is_set():
            try:
                with EdgeClient(self._bundle, **self._own, **self._options) as client:
                    for _ in range(REUSE):
                        if stopped.is_set():
                            return
                        number = (number + 1) % IMAGES
                        answer = client.predict(self.images[number]).probabilities[0]
                        near = np.allclose(answer, self._right[number], atol=TOLERANCE)
                        tally.add(None if near else "wrong answer")
                        refused = 0
            except PhasekeyError as error:
                refused += 1
                in_vain = isinstance(error, Unavailable) and error.done == NOTHING_SENT
                if in_vain and refused < PATIENCE:
                    time.sleep(0.2)
                else:
                    tally.add(f"{type(error).__name__}: {error}")

    def use_up(self) -> tuple[int, str | None]:
        """Send new inputs until the decoys are used up, then the first one again.

        Returns:
            New inputs answered before one was refused, and what went wrong with the repeat; None if nothing.
        """
        answered, refused = 0, False
        with EdgeClient(self._bundle, **self._own, **self._options) as client:
            first = self.images[0]
            expected = client.predict(first).probabilities
            answered += 1
            while not refused:
                try:
                    client.predict(_draw(self._random, 1, self._shape, self._dtype))
                    answered += 1
                except DecoysExhausted:
                    refused = True
            again = client.predict(first).probabilities
        same = np.allclose(again, expected, atol=TOLERANCE)
        return answered, None if same else "another answer to the same input"


@contextmanager
def under_load(callers: list[Caller], tally: Tally) -> Iterator[None]:
    """Let all of them ask until the context is left."""
    stopped = threading.Event()
    threads = [threading.Thread(target=caller.run, args=(stopped, tally), daemon=True) for caller in callers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopped.set()
        end = time.monotonic() + 60
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                tally.add("no answer at all")


def _draw(random: np.random.Generator, count: int, shape: tuple[int, ...], dtype: str) -> Floats:
    pixels = random.integers(0, 256, (count, *shape), np.uint8)
    return pixels if dtype == "uint8" else (pixels / 255).astype(np.float32)
