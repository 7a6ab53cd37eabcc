"""Run as a script: predict one new image after another until killed, and note every x before its answer.

By itself, as a crowd with a last group that decoys fill up, or as films.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np

from phasekey.graph_runtime import GraphSession
from sdk import EdgeClient


class Noting:
    """A transport that writes each x to a file, whole in one write, as a server would have received it."""

    bytes_up = bytes_down = 0

    def __init__(self, graph, log):
        self._graph = GraphSession(Path(graph))
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def check(self, manifest):
        return None

    def infer(self, x):
        os.write(self._log, x.tobytes())
        return self._graph.run({"x": x})["h"]

    def close(self):
        return None


def image(number):
    return np.random.default_rng(number).integers(0, 256, (1, 6, 6, 1), np.uint8)


def singly(client, first):
    for number in range(first, 10**6):
        client.predict(image(number % 400))


def in_crowds(client, first, count=24, batch=6):
    for start in range(first, first + count, batch):
        client.predict(np.concatenate([image(start + at) for at in range(batch)]), crowd=True)


def in_films(client, first, count=24, frames=3):
    for start in range(first, first + count, frames):
        with client.session(frames=frames) as film:
            for at in range(frames):
                film.predict(image(start + at))


def main(edge, graph, decoys, log, first, way="singly"):
    client = EdgeClient(edge, transport=Noting(graph, log), secret=bytes(range(32)), decoys=decoys)
    print("ready", flush=True)
    {"singly": singly, "in_crowds": in_crowds, "in_films": in_films}[way](client, int(first))
    time.sleep(60)  # to be killed


if __name__ == "__main__":
    main(*sys.argv[1:])
