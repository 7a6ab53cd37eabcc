"""One prediction after another: the SDK's call, its parts, and the same split with the real network.

The parts are called in turn, as a prediction has them in turn: a graph finds the caches as the others left
them, and the server as asleep as it is between two predictions. Each part alone, again and again, is
timed as well.
"""

import os
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
from benchmarks.edge.networks import ECHO, REAL, Networks
from benchmarks.interleave import Spread
from benchmarks.serving.process import OPTIONS, pinned
from edge_runtime import Decoder, Encoder, load_images
from phasekey.graph_runtime import GraphSession
from phasekey.wire.service import infer_call
from sdk import EdgeClient, GrpcTransport
from sdk.store import Store
from sdk.transport.messages import infer_request

Array = np.ndarray[Any, np.dtype[Any]]
Call = Callable[[], object]

PROGRAMS = Path(__file__).parent / "programs"
PARTS = ("encoder", "echo RPC", "cloud compute", "decoder")
SDK, IN_TURN, BY_STOCK = "SDK", "parts in turn", "parts in turn, stock echo"
WHERE_THEY_RUN = "parts where they run"
PREPARED = "SDK, prepared decoys"
PLAIN, REAL_PARTS = "real", ("real encoder", "real cloud compute", "real decoder")
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

    def parts(echo: Call) -> None:
        encoder.encode(next(turn)[None], noise)
        echo()
        cloud.run({"x": x})
        decoder.decode(revealed)

    def where_they_run(infer: Call) -> None:
        encoder.encode(next(turn)[None], noise)
        infer()
        decoder.decode(revealed)

    with ExitStack() as stack:
        stock = stack.enter_context(_echo(h.nbytes + _REPLY_HEADER, core))
        ours = infer_call(stack.enter_context(grpc.insecure_channel(target, OPTIONS)))
        echo = infer_request(ECHO, x)
        plain = stack.enter_context(_plain(networks, target))
        yield {
            SDK: lambda: client.predict(next(turn)),
            IN_TURN: lambda: parts(lambda: ours(echo, timeout=60)),
            BY_STOCK: lambda: parts(lambda: stock(request)),
            WHERE_THEY_RUN: lambda: where_they_run(lambda: ours(request, timeout=60)),
            "encoder": lambda: encoder.encode(next(turn)[None], noise),
            "echo RPC": lambda: stock(request),
            "cloud compute": lambda: cloud.run({"x": x}),
            "decoder": lambda: decoder.decode(revealed),
            PLAIN: lambda: plain(next(turn)),
            **_real_graphs(networks, next(turn)[None]),
        }


@contextmanager
def prepared(networks: Networks, target: str, count: int) -> Iterator[Call]:
    """A prediction of an input that is new, by decoys of an archive that were encoded ahead.

    Args:
        networks: what ``target`` serves.
        target: the server.
        count: new inputs that there are decoys for; then they come again.
    """
    image, archive = networks.manifest.image, networks.archived.parent / "decoys.db"
    size = (2 * count, image.height, image.width, image.channels)
    drawn = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    store = Store(archive)
    store.add(drawn[:count])
    store.close()
    new = cycle(drawn[count:])
    with EdgeClient(networks.archived, target, secret=os.urandom(32), decoys=archive) as client:
        client.prepare(count)
        yield lambda: client.predict(next(new))


def _real_graphs(networks: Networks, image: Array) -> dict[str, Call]:
    """The three graphs of the real network, each alone."""
    encoder, decoder = GraphSession(networks.real_encoder), GraphSession(networks.real_decoder)
    processing = GraphSession(networks.repository / REAL / "1" / "model.onnx")
    x = encoder.run({"image": image})["feature"].astype(np.float16)
    feature = processing.run({"x": x})["h"].astype(np.float32)
    calls = (
        lambda: encoder.run({"image": image}),
        lambda: processing.run({"x": x}),
        lambda: decoder.run({"feature": feature}),
    )
    return dict(zip(REAL_PARTS, calls, strict=True))


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


def over_parts(times: Mapping[str, Sequence[float]], base: str) -> Measured:
    """The SDK's call over its parts in turn, round by round. base: IN_TURN, WHERE_THEY_RUN or BY_STOCK."""
    return _over(times, times[base], (SDK, base))


def over_alone(times: Mapping[str, Sequence[float]]) -> Measured:
    """The SDK's call over the sum of its parts, each timed alone."""
    return _over(times, _sums(times, PARTS), (SDK, *PARTS))


def over_real(times: Mapping[str, Sequence[float]]) -> Measured:
    """The SDK's call over the real network's split, round by round."""
    measured = _over(times, times[PLAIN], (SDK, PLAIN))
    graphs = ("encoder", "cloud compute", "decoder")
    own, real = (1e6 * statistics.median(_sums(times, names)) for names in (graphs, REAL_PARTS))
    text = f"{measured.parts}; the graphs alone {own:.0f} over {real:.0f}, {own / real:.2f}"
    return Measured(measured.spread, text)


def prepared_over_real(times: Mapping[str, Sequence[float]]) -> Measured:
    """The SDK's call with prepared decoys over the real network's split, round by round."""
    return _over(times, times[PLAIN], (PREPARED, PLAIN))


def _sums(times: Mapping[str, Sequence[float]], names: Sequence[str]) -> list[float]:
    return [sum(each) for each in zip(*(times[name] for name in names), strict=True)]


def _over(times: Mapping[str, Sequence[float]], base: Sequence[float], named: Sequence[str]) -> Measured:
    """The first of those named over the base."""
    spread = Spread.of([a / b for a, b in zip(times[named[0]], base, strict=True)])
    parts = ", ".join(f"{name} {1e6 * statistics.median(times[name]):.0f}" for name in named)
    return Measured(spread, f"µs: {parts}")
