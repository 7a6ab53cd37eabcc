"""Servers that die, replies out of order, forks, many threads and Ctrl-C, with real processes."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from phasekey.wire.service import METHODS, SERVICE
from sdk import ClientClosed, EdgeClient, SdkError, Unavailable


def assert_right(result, export, images):
    np.testing.assert_allclose(result.probabilities, export.network.probabilities(images), atol=2e-5)


def test_a_server_killed_in_the_middle_of_a_call(small_export, processes, proxy_to):
    running = processes()
    through = proxy_to(running.address)
    with EdgeClient(small_export.edge, through.address, timeout=20) as client:
        through.hold()
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(client.predict, small_export.network.images(1))
            through.wait_for_a_request()
            running.process.kill()
            running.process.wait()
            through.holding = False
            error = call.exception(30)
    assert isinstance(error, Unavailable)
    assert error.done == "x was sent, and may have arrived"
    with pytest.raises(Unavailable), EdgeClient(small_export.edge, running.address):
        pytest.fail("must not get here")


def test_one_of_two_servers_killed_under_load_loses_nothing(small_export, processes):
    one, other = processes(), processes()
    batches = [small_export.network.images(2, seed=seed) for seed in range(120)]
    done = []

    def predict(images):
        result = client.predict(images)
        done.append(1)
        if len(done) == 40:
            one.process.kill()
        return result

    with EdgeClient(small_export.edge, [one.address, other.address], timeout=20) as client:
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(predict, batches))
        assert client.traffic.images == 240
    assert one.process.wait(10) == -signal.SIGKILL
    for images, result in zip(batches, results, strict=True):
        assert_right(result, small_export, images)


@pytest.fixture
def shuffling(server):
    """A proxy at the level of calls, which gives replies back late and in another order."""
    channel, seed = grpc.insecure_channel(server.address), random.Random(0)
    room = threading.Semaphore(32)  # calls that the server takes of one client at a time

    def relay(name):
        ask = channel.unary_unary(METHODS[name].path)

        def late(request, context):
            with room:
                reply = ask(request, timeout=60)
            time.sleep(seed.uniform(0, 0.1))
            return reply

        return grpc.unary_unary_rpc_method_handler(late)

    handlers = {name: relay(name) for name in ("ServerReady", "ModelReady", "ModelMetadata", "ModelInfer")}
    proxy = grpc.server(ThreadPoolExecutor(64))
    proxy.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    port = proxy.add_insecure_port("127.0.0.1:0")
    proxy.start()
    yield f"127.0.0.1:{port}"
    proxy.stop(0).wait()
    channel.close()


def test_64_callers_get_their_own_answers_whatever_the_order(small_export, shuffling):
    batches = [small_export.network.images(1, seed=seed) for seed in range(256)]
    with EdgeClient(small_export.edge, shuffling) as client, ThreadPoolExecutor(64) as pool:
        results = list(pool.map(client.predict, batches))
    for images, result in zip(batches, results, strict=True):
        assert_right(result, small_export, images)


def test_a_thousand_threads_on_one_client(small_export):
    config = ServerConfig(
        model_repository=small_export.cloud, listen="127.0.0.1:0", max_queue_requests=4096, client_share=1
    )
    running = start(config)
    batches = [small_export.network.images(1, seed=seed) for seed in range(1000)]
    results = [None] * 1000
    gate = threading.Event()

    def predict(number):
        gate.wait()
        results[number] = client.predict(batches[number])

    try:
        with EdgeClient(small_export.edge, running.address, timeout=120) as client:
            threads = [threading.Thread(target=predict, args=(number,)) for number in range(1000)]
            for thread in threads:
                thread.start()
            gate.set()
            for thread in threads:
                thread.join(120)
    finally:
        running.stop(0)
    for images, result in zip(batches, results, strict=True):
        assert_right(result, small_export, images)


FORK = """
import os, sys
import numpy as np
from sdk import ClientClosed, EdgeClient
black = np.zeros((1, 6, 6, 1), np.uint8)
with EdgeClient(sys.argv[1], sys.argv[2]) as client:
    first = client.predict(black)
    child = os.fork()
    if not child:
        try:
            client.predict(black)
        except ClientClosed as error:
            client.close()
            os.write(1, str(error).encode() + b"\\n")
        os._exit(0)
    os.waitpid(child, 0)
    print(client.predict(black) == first)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_of_an_open_client_says_so_and_the_parent_goes_on(small_export, server):
    done = subprocess.run(
        [sys.executable, "-c", FORK, small_export.edge, server.address],
        capture_output=True,
        text=True,
        timeout=60,
    )
    said, same = done.stdout.splitlines()
    assert said.startswith("This client belongs to process ")
    assert said.endswith("Make a client in each process, after the fork.")
    assert same == "True"


STREAM = """
import signal
import sys
# Tests that a shell runs in the background ignore SIGINT, and what they start would do so too.
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np
from sdk import EdgeClient
def camera():
    while True:
        yield np.zeros((6, 6, 1), np.uint8)
with EdgeClient(sys.argv[1], sys.argv[2], timeout=300) as client:
    for number, result in enumerate(client.predict_stream(camera())):
        print(number, flush=True)
"""


def test_ctrl_c_ends_a_stream_at_once(small_export, proxy):
    """Requests are under way that nobody answers, with minutes left: none keeps the process."""
    process = subprocess.Popen(
        [sys.executable, "-c", STREAM, small_export.edge, proxy.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "0\n"
    proxy.hold()
    proxy.wait_for_a_request_or_answer()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert "Exception ignored" not in said


def test_a_closed_client_ends_what_is_under_way(small_export, proxy):
    client = EdgeClient(small_export.edge, proxy.address, timeout=300)
    client.predict(small_export.network.images(1))
    proxy.hold()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.predict, small_export.network.images(1))
        proxy.wait_for_a_request()
        client.close()
        assert isinstance(call.exception(30), SdkError)
    with pytest.raises(ClientClosed):
        client.predict(small_export.network.images(1))


FULL = """
import resource, sys
import numpy as np
from phasekey.errors import PhasekeyError
from sdk import EdgeClient
resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    client = EdgeClient(sys.argv[1], sys.argv[2], secret=bytes(range(32)), store=sys.argv[3], budget=1e6)
    for seed in range(200):
        client.predict(np.random.default_rng(seed).integers(0, 256, (8, 6, 6, 1), np.uint8))
except PhasekeyError as error:
    print(type(error).__name__, error)
"""


def test_a_full_disk_for_what_is_spent(new_export, serve, tmp_path):
    """Nothing goes out that could not be noted before."""
    import dataclasses

    from phasekey.bundle import write_manifest

    written = new_export(kind="orthogonal", components=24)
    guarantee = {"kind": "nats", "nats_per_transmission": 0.28, "feature_values": 12, "sigma": 2.0}
    guarantee |= {"components": 24, "assumptions": "Matrix and decoys follow from the key."}
    write_manifest(written.edge, dataclasses.replace(written.manifest, guarantee=guarantee))
    with serve(written) as running:
        done = subprocess.run(
            [
                sys.executable,
                "-W",
                "ignore",
                "-c",
                FULL,
                written.edge,
                running.address,
                tmp_path / "spent.db",
            ],
            capture_output=True,
            text=True,
            timeout=100,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("StoreError ")
