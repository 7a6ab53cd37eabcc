"""What every server is asked: one graph, one repository of it, one request for each batch size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.graphs import build, with_half_wire
from benchmarks.sessions import open_session
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.infer import join_request, split_response
from phasekey.wire.tensors import read_tensors

Array = np.ndarray[Any, np.dtype[Any]]

MODEL = "resnet20"
CONFIG = """\
backend: "{backend}"
max_batch_size: 64
input {{ name: "x" data_type: TYPE_FP16 dims: [ {x} ] }}
output {{ name: "h" data_type: TYPE_FP16 dims: [ {h} ] }}
"""
TOLERANCE = 0.02  # float16, and sums that go another way at another batch size


@dataclass(frozen=True)
class Workload:
    """The graph's file, Triton's configuration for it, and by batch size the request and the right answer.

    model: its name on the server; sizes: of one sample of x and of h, for servers that are told.
    """

    graph: Path
    config: str
    inputs: Mapping[int, Array]
    requests: Mapping[int, bytes]
    answers: Mapping[int, Array]
    model: str = MODEL
    sizes: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def tensor(self, name: str) -> dict[str, Any]:
        """A tensor's metadata, as the protocol has it."""
        return {"name": name, "datatype": "FP16", "shape": [-1, *self.sizes.get(name, ())]}

    def configuration(self, backend: str) -> str:
        """config.pbtxt for a Triton backend."""
        return self.config.replace("BACKEND", backend)

    def is_right(self, batch: int, reply: bytes) -> bool:
        """Whether a serialised ModelInferResponse holds the answer that ONNX Runtime gave in this process."""
        message, raw = split_response(reply)
        h = read_tensors(message.outputs, raw).get("h")
        wanted = self.answers[batch]
        return h is not None and np.allclose(h, wanted, rtol=TOLERANCE, atol=TOLERANCE * np.abs(wanted).max())


def make(folder: Path, batches: tuple[int, ...]) -> Workload:
    """The ResNet-20-α processing graph with a float16 wire and random weights; x from a fixed seed."""
    pair = build("resnet20")
    model = with_half_wire(pair.complex)
    graph = folder / "model.onnx"
    graph.write_bytes(model.SerializeToString())
    session = open_session(model)
    channels, *rest = pair.feature
    generator = np.random.default_rng(0)
    inputs = {n: generator.normal(size=(n, 2 * channels, *rest)).astype(np.float16) for n in batches}
    answers = {n: session.run(None, {"x": x})[0] for n, x in inputs.items()}
    h = answers[batches[0]].shape[1:]
    dims = {"x": ", ".join(map(str, (2 * channels, *rest))), "h": ", ".join(map(str, h))}
    requests = {n: join_request(pb.ModelInferRequest(model_name=MODEL), {"x": x}) for n, x in inputs.items()}
    sizes = {"x": (2 * channels, *rest), "h": h}
    return Workload(graph, CONFIG.format(backend="BACKEND", **dims), inputs, requests, answers, MODEL, sizes)
