"""What one core of our server does, by way; a JPEG's bytes and decoding; an idle connection's memory."""

import asyncio
import io
import os
import statistics
import sys
import tarfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import onnx
import torch
from PIL import Image
from tqdm import tqdm

from benchmarks.capacity.arithmetic import JPEG, Way
from benchmarks.graphs import build, with_half_wire
from benchmarks.serving.load import Client, closed_loop
from benchmarks.serving.process import Launch, Server, free_port
from benchmarks.serving.workload import CONFIG, MODEL
from benchmarks.sessions import open_session
from export.graphs import trace
from phasekey.model import build_network
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.infer import join_request

IN_FLIGHT, CONNECTIONS, DECODED = 8, 200, 500
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Found:
    """ways by name; their CPU time's least and most (ms); requests/s; idle: kB of an idle connection."""

    ways: dict[str, Way]
    spreads: dict[str, tuple[float, float]]
    saturated: dict[str, float]
    idle: float
    jpeg_bytes: float
    decode: float


def graphs() -> dict[str, tuple[onnx.ModelProto, int, tuple[int, ...]]]:
    """The cloud's graphs of ResNet-20: (graph, samples of one request, shape of a sample), by way."""
    torch.manual_seed(0)
    network = build_network(
        "resnet20",
        classes=10,
        image=(3, 32, 32),
        form="original",
        secret="permutation",
        components=4,
        split="early",
    ).eval()
    feature = tuple(network.feature_shape)
    plain = with_half_wire(trace(network.processing, {"x": torch.randn(2, *feature)}, ["h"]))
    pair = build("resnet20")
    twice = (2 * pair.feature[0], *pair.feature[1:])
    return {
        "plain, sees the feature": (plain, 1, feature),
        "anonymous, k = 2": (plain, 2, feature),
        "anonymous, k = 4": (plain, 4, feature),
        "the paper's rotation, k = 2": (with_half_wire(pair.complex), 1, twice),
    }


def measure(folder: Path, images: Path, *, rounds: int, seconds: float, cores: Sequence[int]) -> Found:
    """Start a server for each way, all on one core, and ask them in turn.

    Args:
        folder: an empty one.
        images: a tar archive with JPEGs in it.
        rounds: through all ways.
        seconds: of one slice.
        cores: the servers' and the client's.
    """
    jpeg_bytes, decode = _jpeg(images)
    with ExitStack() as stack:
        servers, requests, down = {}, {}, {}
        for number, (name, (graph, samples, shape)) in enumerate(graphs().items()):
            place = folder / str(number)
            x = np.random.default_rng(0).normal(size=(samples, *shape)).astype(np.float16)
            answer = open_session(graph).run(None, {"x": x})[0]
            servers[name] = stack.enter_context(
                Server(_launch(place, graph, shape, answer), cores[0], place / "log")
            )
            requests[name] = join_request(pb.ModelInferRequest(model_name=MODEL), {"x": x})
        os.sched_setaffinity(0, {cores[1]})
        cpu: dict[str, list[float]] = {name: [] for name in servers}
        rates: dict[str, list[float]] = {name: [] for name in servers}
        with tqdm(total=rounds * len(servers), unit="slice") as bar:
            for _ in range(rounds):
                for name, server in servers.items():
                    rate, spent, down[name] = asyncio.run(_slice(server, requests[name], seconds))
                    cpu[name].append(spent)
                    rates[name].append(rate)
                    bar.update()
        idle = asyncio.run(_idle(servers["plain, sees the feature"]))
    ways = {
        name: Way(name, statistics.median(cpu[name]), len(requests[name]), down[name]) for name in servers
    }
    seen = ways["plain, sees the feature"]
    ways[JPEG] = Way(JPEG, seen.cpu + decode, jpeg_bytes, seen.down)
    spreads = {name: (min(values), max(values)) for name, values in cpu.items()}
    saturated = {name: statistics.median(values) for name, values in rates.items()}
    return Found(ways, spreads, saturated, idle, jpeg_bytes, decode)


def _launch(place: Path, graph: onnx.ModelProto, shape: tuple[int, ...], answer: np.ndarray) -> Launch:
    version = place / "repository" / MODEL / "1"
    version.mkdir(parents=True)
    (version / "model.onnx").write_bytes(graph.SerializeToString())
    dims = {"x": ", ".join(map(str, shape)), "h": ", ".join(map(str, answer.shape[1:]))}
    (version.parent / "config.pbtxt").write_text(CONFIG.format(backend="onnxruntime", **dims))
    port = free_port()
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "cloud_runtime",
        "--model-repository",
        place / "repository",
    ]
    return Launch([*command, "--listen", f"127.0.0.1:{port}"], port, {"PYTHONPATH": str(ROOT)})


async def _slice(server: Server, request: bytes, seconds: float) -> tuple[float, float, int]:
    """Requests a second, CPU ms of each, bytes of a reply."""
    client, count = Client(server.address), 0

    async def call(data: bytes) -> bytes:
        nonlocal count
        reply = await client.infer(data)
        count += 1
        return reply

    await closed_loop(client.infer, request, in_flight=IN_FLIGHT, seconds=0.2)
    before = server.cpu_seconds()
    sample = await closed_loop(call, request, in_flight=IN_FLIGHT, seconds=seconds, lead=0.0)
    cpu = (server.cpu_seconds() - before) / count * 1e3
    await client.close()
    return sample.rate, cpu, len(sample.reply)


async def _idle(server: Server) -> float:
    """KB that a connection costs the server which has nothing to do."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    before = server.memory()
    channels = [grpc.aio.insecure_channel(server.address, options) for _ in range(CONNECTIONS)]
    for channel in channels:
        await channel.channel_ready()
    await asyncio.sleep(0.5)
    after = server.memory()
    for channel in channels:
        await channel.close(None)
    return (after - before) * 1e3 / CONNECTIONS


def _jpeg(archive: Path) -> tuple[float, float]:
    """Mean bytes of a JPEG, and ms to decode one."""
    files = []
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.lower().endswith((".jpg", ".jpeg")):
                data = tar.extractfile(member)
                files.append(data.read() if data else b"")
            if len(files) == DECODED:
                break
    start = time.process_time()
    for file in files:
        np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
    return statistics.mean(map(len, files)), (time.process_time() - start) / len(files) * 1e3
