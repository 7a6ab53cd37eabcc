"""Whether the client gets the same answers from our runtime, Triton, MLServer and KServe, as real servers.

One LeNet, trained for a little while on digits, is exported once and served by each. The same client, with
the same secret, predicts the same digits by each, in one request, in several, and as a stream; what comes is
put beside the bundle's own processing graph, run in this process.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.environments import CACHE, UnavailableError, make_environment
from benchmarks.private.ours import run_module
from benchmarks.serving.command import start
from benchmarks.serving.peers import PEERS
from benchmarks.serving.workload import Workload
from phasekey.bundle import Manifest, PrivacyWarning, load_manifest
from phasekey.graph_runtime import GraphSession
from phasekey.training.data.published.digits import load_digits
from sdk import EdgeClient, Prediction, SdkError

Array = np.ndarray[Any, np.dtype[Any]]

SERVERS = ("ours", "triton", "mlserver", "kserve")
IMAGES, BATCH = 48, 20  # BATCH: of the requests of a call in several
TOLERANCE = 0.005  # of a probability: float16 on the wire, sums in another order


@dataclass(frozen=True)
class Agreement:
    """Of all answers of a server: how many labels are right, and how far a probability is off at most.

    classes: how many labels there are among the right ones; of one, agreement would say little.
    """

    answers: int
    labels: int
    classes: int
    difference: float

    @property
    def whole(self) -> bool:
        """Whether all labels agree, and probabilities as far as float16 lets them."""
        return self.labels == self.answers and self.difference <= TOLERANCE


class InProcess:
    """A transport without network or server, which gives the answers that servers are put beside."""

    bytes_up = bytes_down = 0

    def __init__(self, graph: Path) -> None:
        self._graph = GraphSession(graph)

    def check(self, manifest: Manifest) -> None:
        """Nothing to check."""

    def infer(self, x: Array) -> Array:
        """Run the graph."""
        return self._graph.run({"x": x})["h"]

    def close(self) -> None:
        """Nothing to close."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("--peer", action="append", choices=SERVERS, help="only this server (may be repeated)")
    option("--environments", type=Path, default=CACHE, metavar="DIR", help="where servers are installed")


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its status."""
    warnings.simplefilter("ignore", PrivacyWarning)
    found: dict[str, Agreement | str] = {}
    with TemporaryDirectory() as scratch:
        bundle = _export(Path(scratch))
        workload, secret = workload_of(bundle), os.urandom(32)
        digits = load_digits().test.images[:IMAGES]
        with EdgeClient(bundle, transport=InProcess(workload.graph), secret=secret) as client:
            wanted = client.predict(digits)
        for name in tqdm(options.peer or SERVERS, file=sys.stderr):
            try:
                python = PEERS[name].python(options.environments, make_environment)
                with start(name, python, workload, Path(scratch), min(os.sched_getaffinity(0))) as server:
                    found[name] = compare(answers(bundle, server.address, secret, digits), wanted)
            except (UnavailableError, OSError, SdkError) as error:
                found[name] = f"{type(error).__name__}: {error}"
    print(render(found))
    return status(found.values(), asked=options.peer is not None)


def status(found: Iterable[Agreement | str], *, asked: bool) -> int:
    """1 where a server's answers disagree, or one that was asked for by name did not run; else 0."""
    return int(any(asked if isinstance(each, str) else not each.whole for each in found))


def _export(scratch: Path) -> Path:
    train = ["phasekey.cli", "train", "--arch", "lenet", "--data", "digits", "--defence", "none"]
    run_module(*train, "--epochs", "3", "--out", str(scratch / "run"))
    bundle = scratch / "bundle"
    export = ["export", "--ckpt", str(scratch / "run" / "model.pt"), "--out", str(bundle)]
    run_module(*export, "--wire", "float16", "--no-score")
    return bundle


def workload_of(bundle: Path) -> Workload:
    """What each server is started with: the bundle's graph, configuration, name, and sizes of x and h."""
    manifest = load_manifest(bundle / "edge")
    graph = bundle / "cloud" / manifest.model_name / "1" / "model.onnx"
    ports = (*manifest.processing.inputs, *manifest.processing.outputs)
    sizes = {port.name: [size or -1 for size in port.shape[1:]] for port in ports}
    config = (graph.parents[1] / "config.pbtxt").read_text(encoding="utf-8")
    config = config.replace('platform: "onnxruntime_onnx"', 'backend: "BACKEND"')  # our Triton has no other
    return Workload(graph, config, {}, {}, {}, manifest.model_name, sizes)


def answers(bundle: Path, target: str, secret: bytes, images: Array) -> Iterator[Prediction]:
    """All images by one request, by several, and as a stream."""
    with EdgeClient(bundle, target, secret=secret) as client:
        yield client.predict(images)
    with EdgeClient(bundle, target, secret=secret, batch_size=BATCH) as client:
        yield client.predict(images)
        stream = list(client.predict_stream(images))
        labels = [label for each in stream for label in each.labels]
        yield Prediction(labels, np.concatenate([each.probabilities for each in stream]))


def compare(found: Iterable[Prediction], wanted: Prediction) -> Agreement:
    """Put answers to the same images beside the right ones."""
    count = labels = 0
    difference = 0.0
    for each in found:
        count += len(wanted)
        labels += sum(a == b for a, b in zip(each.labels, wanted.labels, strict=True))
        difference = max(difference, float(np.abs(each.probabilities - wanted.probabilities).max()))
    return Agreement(count, labels, len(set(wanted.labels)), difference)


def render(found: dict[str, Agreement | str]) -> str:
    """The table, as markdown."""
    lines = ["| server | labels that agree | of classes | largest difference of a probability |"]
    lines.append("|---|---|---|---|")
    for name, each in found.items():
        title = ", ".join(PEERS[name].requirements[:1]) or "`cloud_runtime`"
        if isinstance(each, Agreement):
            cells = f"{each.labels} of {each.answers} | {each.classes} | {each.difference:.1e}"
        else:
            cells = f"not run: {each} | | "
        lines.append(f"| {name} ({title}) | {cells} |")
    return "\n".join(lines)
