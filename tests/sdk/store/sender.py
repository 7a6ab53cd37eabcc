"""Run as a script: predict one new image after another until killed, and note every x before its answer."""

import os
import sys
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


def main(edge, graph, decoys, log, first):
    client = EdgeClient(edge, transport=Noting(graph, log), secret=bytes(range(32)), decoys=decoys)
    print("ready", flush=True)
    for number in range(int(first), 10**6):
        image = np.random.default_rng(number % 400).integers(0, 256, (1, 6, 6, 1), np.uint8)
        client.predict(image)


if __name__ == "__main__":
    main(*sys.argv[1:])
