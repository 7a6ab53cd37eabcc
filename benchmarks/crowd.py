"""What a crowd costs: the cloud's compute and the bytes for an image, over those of the plain network."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import grpc
import numpy as np
from tqdm import tqdm

from benchmarks.interleave import Spread
from benchmarks.private.ours import export_mode, pack
from benchmarks.report import machine
from edge_runtime import Encoder
from phasekey.bundle import load_manifest
from phasekey.served import running_server
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire import triton_extensions_pb2 as triton
from phasekey.wire.infer import join_request
from phasekey.wire.service import infer_call, unary_call
from sdk import EdgeClient
from sdk.wire_format import to_wire

IMAGES = 64  # of a batch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=50, help="batches of each kind, in turn (default 50)")


def run(options: argparse.Namespace) -> int:
    with TemporaryDirectory() as folder:
        bundle = export_mode(Path(folder), "anonymous")
        archive = pack(Path(folder), bundle)
        with (
            running_server(bundle / "cloud") as target,
            grpc.insecure_channel(target) as channel,
            EdgeClient(bundle, target, secret=os.urandom(32), decoys=archive) as client,
        ):
            print(machine())
            print(compare(bundle, channel, client, options.rounds))
    return 0


def compare(bundle: Path, channel: grpc.Channel, client: EdgeClient, rounds: int) -> str:
    """Send batches of new images as crowds, and the features of as many bare; what the server counts.

    Args:
        bundle: of the mode `anonymous`.
        channel: to its server.
        client: of the bundle, with a store for crowds.
        rounds: batches of each kind, in an order that flips.

    Returns:
        A sentence with both ratios.
    """
    edge, manifest = bundle / "edge", load_manifest(bundle / "edge")
    encoder, infer = Encoder(edge, manifest), infer_call(channel)
    rng = np.random.default_rng(0)
    bare_bytes = 0

    def plain() -> None:
        nonlocal bare_bytes
        feature = encoder.features(_images(rng))
        x = to_wire(feature, manifest.wire, 1)
        request = join_request(pb.ModelInferRequest(model_name=manifest.model_name), {"x": x})
        bare_bytes += len(request)
        infer(request)

    kinds: dict[str, Callable[[], object]] = {
        "crowd": lambda: client.predict(_images(rng), crowd=True),
        "plain": plain,
    }
    spent: dict[str, list[float]] = {name: [] for name in kinds}
    for number in tqdm(range(rounds + 1), unit="round"):
        for name in list(kinds) if number % 2 else list(kinds)[::-1]:
            before = _compute(channel)
            kinds[name]()
            spent[name].append((_compute(channel) - before) / IMAGES)
    ratio = Spread.of([a / b for a, b in zip(spent["crowd"][1:], spent["plain"][1:], strict=True)])
    return (
        f"crowds of {manifest.secret.components} over the plain network, batches of {IMAGES}: the cloud's "
        f"compute for an image {ratio.median:.3f} ({ratio.lower:.3f} to {ratio.upper:.3f}), bytes up "
        f"{client.traffic.bytes_up / bare_bytes:.3f}"
    )


def _images(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (IMAGES, 32, 32, 1), dtype=np.uint8)


def _compute(channel: grpc.Channel) -> float:
    """Seconds that the server's only model has computed so far."""
    stats = unary_call(channel, "ModelStatistics")(triton.ModelStatisticsRequest(), timeout=10).model_stats
    return float(sum(each.inference_stats.compute_infer.ns for each in stats)) / 1e9
