"""How fast this machine is: the plain network by torch, and a round trip of gRPC over loopback."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
import torch

from phasekey.model.counting import count_operations
from phasekey.model.description import Architecture
from phasekey.model.layers.build import Builder

ROUNDS, FEWEST, WARM_UP = 100, 5, 5
LONGEST = 5.0  # seconds, unless FEWEST calls take more
METHOD = "/phasekey.planner/Echo"
LOOPBACK = 10_000.0  # 10⁶ bits a second that a gRPC message gets through loopback, about


def device_speed(architecture: Architecture, *, classes: int, image: tuple[int, int, int]) -> float:
    """Time the plain network on one thread, one image at a time.

    Args:
        architecture: the network.
        classes: values that it answers with.
        image: (C, H, W) of one input.

    Returns:
        10⁹ floating-point operations a second, the median of some runs; what a run costs beside its
        operations is in it.
    """
    network = Builder(image, classes, architecture.threshold).sequence(architecture.layers).eval()
    sample, threads = torch.rand(1, *image), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            seconds = median_seconds(lambda: network(sample))
    finally:
        torch.set_num_threads(threads)
    return count_operations(network, sample) / seconds / 1e9


def round_trip() -> float:
    """Time an empty gRPC call to a server in this process, over loopback.

    Returns:
        Milliseconds, the median of some calls.
    """
    server = grpc.server(ThreadPoolExecutor(1))
    echo = grpc.unary_unary_rpc_method_handler(lambda request, _: request)
    service, method = METHOD.strip("/").split("/")
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: echo})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = channel.unary_unary(METHOD, request_serializer=None, response_deserializer=None)
            return 1000 * median_seconds(lambda: call(b"x", timeout=10))
    finally:
        server.stop(0)


def median_seconds(run: Callable[[], object]) -> float:
    """Time a call, again and again.

    Returns:
        Seconds, the median after some calls that are not counted.
    """
    times: list[float] = []
    end = time.perf_counter() + LONGEST
    while len(times) < WARM_UP + (ROUNDS if time.perf_counter() < end else FEWEST):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return statistics.median(times[WARM_UP:])
