"""One prediction after another: the SDK's call, its parts, and the same split with the real network."""

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from benchmarks.edge.figures import Measured
from benchmarks.edge.networks import REAL, Networks
from benchmarks.interleave import Spread
from benchmarks.serving.process import OPTIONS, pinned
from edge_runtime import Decoder, Encoder, load_images
from phasekey.graph_runtime import GraphSession
from phasekey.wire.service import infer_call
from sdk import EdgeClient, GrpcTransport
from sdk.transport.messages import infer_request

Array = np.ndarray[Any, np.dtype[Any]]
Call = Callable[[], object]

PROGRAMS = Path(__file__).parent / "programs"
PARTS = ("encoder", "echo RPC", "cloud compute", "decoder")
SDK, PLAIN = "SDK", "real"
_REPLY_HEADER = 100  # bytes of a reply beside the values of h, about


@contextmanager
def calls(
    networks: Networks, client: EdgeClient, images: Array, target: str, core: int
) -> Iterator[dict[str, Call]]:
    """What is timed, by name.

    Args:
        networks: what ``target`` serves.
        client: of the bundle.
        images: (N, H, W, C), taken in turn, each a new input to the one before.
        target: the server.
        core: on which the echo server runs, as the server itself does.
    """
    edge, manifest = networks.bundle / "edge", networks.manifest
    encoder, decoder = Encoder(edge, manifest), Decoder(edge, manifest)
    cloud = GraphSession(networks.processing)
    noise = np.zeros((1, (manifest.secret.components - 1) * manifest.decoy.noise_size), np.float32)
    x, h = (
        np.ones([size or 1 for size in port.shape], port.dtype)
        for port in (manifest.processing.inputs[0], manifest.processing.outputs[0])
    )
    revealed = np.ones([size or 1 for size in manifest.decoder.inputs[0].shape], np.float32)
    request, turn = infer_request(manifest.model_name, x), cycle(images)
    with ExitStack() as stack:
        echo = stack.enter_context(_echo(h.nbytes + _REPLY_HEADER, core))
        plain = stack.enter_context(_plain(networks, target))
        yield {
            SDK: lambda: client.predict(next(turn)),
            "encoder": lambda: encoder.encode(next(turn)[None], noise),
            "echo RPC": lambda: echo(request),
            "cloud compute": lambda: cloud.run({"x": x}),
            "decoder": lambda: decoder.decode(revealed),
            PLAIN: lambda: plain(next(turn)),
        }


@contextmanager
def _echo(reply_bytes: int, core: int) -> Iterator[Callable[[bytes], bytes]]:
    command = pinned([sys.executable, PROGRAMS / "echo.py", str(reply_bytes)], core)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().strip() if process.stdout else ""
            with grpc.insecure_channel(address, OPTIONS) as channel:
                call = infer_call(channel)
                yield lambda request: call(request, timeout=60)
        finally:
            process.terminate()


@contextmanager
def _plain(networks: Networks, target: str) -> Iterator[Callable[[Array], Array]]:
    """A split that hides nothing: the same transport and checks of images, no decoy, no secret."""
    encoder, decoder = GraphSession(networks.real_encoder), GraphSession(networks.real_decoder)
    transport = GrpcTransport(target, REAL)

    def predict(image: Array) -> Array:
        batch = load_images(image, networks.manifest.image)
        x = encoder.run({"image": batch})["feature"].astype(np.float16)
        return decoder.run({"feature": transport.infer(x).astype(np.float32)})["probabilities"]

    try:
        yield predict
    finally:
        transport.close()


def over_parts(times: Mapping[str, Sequence[float]]) -> Measured:
    """The SDK's call over the sum of its parts, round by round."""
    sums = [sum(each) for each in zip(*(times[name] for name in PARTS), strict=True)]
    return _over(times[SDK], sums, [(name, times[name]) for name in (SDK, *PARTS)])


def over_real(times: Mapping[str, Sequence[float]]) -> Measured:
    """The SDK's call over the real network's split, round by round."""
    return _over(times[SDK], times[PLAIN], [(name, times[name]) for name in (SDK, PLAIN)])


def _over(
    figure: Sequence[float], base: Sequence[float], named: Sequence[tuple[str, Sequence[float]]]
) -> Measured:
    spread = Spread.of([a / b for a, b in zip(figure, base, strict=True)])
    parts = ", ".join(f"{name} {1e6 * statistics.median(values):.0f}" for name, values in named)
    return Measured(spread, f"µs: {parts}")
