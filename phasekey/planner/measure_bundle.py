"""How fast this machine is with a bundle: its graphs by ONNX Runtime, and its calls through an echo.

Graphs run with the threads that device and server give them by default. An answer takes more than its graphs
and its bytes: key, noise, hiding and revealing, messages, the server's own way. All of that is measured at
once, as what a call of the SDK takes to a server that answers with zeros.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from edge_runtime import Decoder, Encoder
from phasekey.bundle import Manifest, PrivacyWarning, TensorSpec, edge_of, load_manifest
from phasekey.graph_runtime import GraphSession
from phasekey.planner.echo import GRAPH, echo_repository
from phasekey.planner.latency import Speeds
from phasekey.planner.measure import LOOPBACK, median_seconds, round_trip
from phasekey.served import running_server
from sdk import EdgeClient, GrpcTransport

IMAGES = 16  # of noise, taken in turn
Array = np.ndarray[Any, np.dtype[Any]]


def bundle_speeds(folder: Path) -> Speeds:
    """Time a bundle's graphs and calls here, one image at a time.

    Args:
        folder: of the export, or its edge folder; the cloud half lies beside that.

    Returns:
        This machine as device and as cloud, each by the operations of the bundle's graphs there; loopback for
        a link; and what a call takes beside all that. Where decoys come from an archive, which a measurement
        would use up, the device's own part of that is left out.

    Raises:
        BundleError: no bundle there, or a damaged one.
        PlannerError: the cloud half is not there.
        PhasekeyError: the server of the echo does not start.
    """
    edge = edge_of(folder)
    manifest = load_manifest(edge)
    cost, cloud = manifest.export["cost"], edge.parent / "cloud"
    images = _noise(manifest)
    with TemporaryDirectory() as made:
        repository = echo_repository(manifest, cloud, Path(made))
        coding = _coding(edge, manifest, images)
        processing = _processing(cloud, manifest)
        with (
            running_server(repository, quiet=True) as address,
            _call(edge, manifest, address, images) as call,
        ):
            whole = median_seconds(call)
    rtt = round_trip()
    sent = rtt / 1000 + 8 * (cost["bytes_up"] + cost["bytes_down"]) / (1e6 * LOOPBACK)
    others = sent if manifest.decoy.archived else sent + coding
    return Speeds(
        device=(cost["flops_encoder"] + cost["flops_decoder"]) / coding / 1e9,
        cloud=cost["flops_processing"] / processing / 1e9,
        uplink=LOOPBACK,
        downlink=LOOPBACK,
        rtt=rtt,
        per_call=1000 * max(0.0, whole - others),
    )


def _coding(edge: Path, manifest: Manifest, images: Array) -> float:
    """Seconds of encoder and decoder for an image."""
    encoder, decoder, turn = Encoder(edge, manifest), Decoder(edge, manifest), cycle(images)
    noise = np.zeros((1, (manifest.secret.components - 1) * manifest.decoy.noise_size), np.float32)
    revealed = _ones(manifest.decoder.inputs[0])

    def encode() -> object:
        image = next(turn)[None]
        return encoder.features(image) if manifest.decoy.archived else encoder.encode(image, noise)

    return median_seconds(encode) + median_seconds(lambda: decoder.decode(revealed))


def _processing(cloud: Path, manifest: Manifest) -> float:
    """Seconds of the processing graph for an image."""
    (path,) = sorted((cloud / manifest.model_name).glob(f"*/{GRAPH}"))[-1:]
    graph, x = GraphSession(path), _ones(manifest.processing.inputs[0], _samples(manifest))
    return median_seconds(lambda: graph.run({manifest.processing.inputs[0].name: x}))


@contextmanager
def _call(edge: Path, manifest: Manifest, address: str, images: Array) -> Iterator[Callable[[], object]]:
    """A call for one image to the echo: the SDK's, or its transport's where decoys would be used up."""
    if manifest.decoy.archived:
        transport = GrpcTransport(address, manifest.model_name)
        x = _ones(manifest.processing.inputs[0], _samples(manifest))
        try:
            yield lambda: transport.infer(x)
        finally:
            transport.close()
        return
    turn = cycle(images)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyWarning)
        client = EdgeClient(edge, address, ephemeral=True)
    with client:
        client.warm_up()
        yield lambda: client.predict(next(turn))


def _samples(manifest: Manifest) -> int:
    return manifest.secret.components if manifest.secret.permutes else 1


def _ones(spec: TensorSpec, count: int = 1) -> Array:
    return np.ones([count, *(size or 1 for size in spec.shape[1:])], spec.dtype)


def _noise(manifest: Manifest) -> Array:
    image = manifest.image
    shape = (IMAGES, image.height, image.width, image.channels)
    pixels = np.random.default_rng().integers(0, 256, shape, np.uint8)
    return pixels if image.dtype == "uint8" else pixels.astype(np.float32) / np.float32(255)
