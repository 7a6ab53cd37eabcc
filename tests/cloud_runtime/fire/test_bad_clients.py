"""Clients that vanish, lie, flood and dawdle, while a good one keeps its answers."""

import random
import socket
import threading
import time

import grpc
import numpy as np
import psutil
import pytest

from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import METHODS, unary_call
from phasekey.wire.tensors import write_tensors

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FUZZED = 10_000


def message(x):
    made = pb.ModelInferRequest(model_name="stamped", id="1")
    write_tensors({"x": x}, made.inputs, made.raw_input_contents)
    return made


X = np.ones((2, 4, 5, 5), np.float32)


@pytest.fixture
def good(server, asker):
    """Ask right after: the server is alive, and right."""
    client = asker(server.address)
    yield client
    assert [client.ask() for _ in range(3)] == [None] * 3


def test_fuzzed_requests_get_a_status_or_an_answer_and_nothing_else(server, good):
    """Random damage to a good request: flips, cuts, insertions, whole fields twice; seeded."""
    rng, raw = random.Random(8), message(X).SerializeToString()
    codes = set()
    with grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary(METHODS["ModelInfer"].path)
        pending = []
        for _ in range(FUZZED):
            data = bytearray(raw if rng.random() < 0.9 else rng.randbytes(rng.randrange(200)))
            for _ in range(rng.randrange(1, 6)):
                end = len(data) if rng.random() < 0.3 else min(len(data), 80)  # mostly in the header
                at = rng.randrange(end + 1)
                kind = rng.randrange(3)
                if kind == 0 and at < len(data):
                    data[at] = rng.randrange(256)
                elif kind == 1:
                    del data[at : at + rng.randrange(40)]
                else:
                    data[at:at] = rng.randbytes(rng.randrange(9))
            pending.append(call.future(bytes(data), timeout=60))
            if len(pending) == 16:
                codes |= {one.code() for one in pending}
                pending.clear()
        codes |= {one.code() for one in pending}
    assert grpc.StatusCode.OK in codes  # some damage does not matter
    assert codes <= {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        PREFACE,
        PREFACE + b"\xff" * 64,
        PREFACE + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + b"\x00\x40\x00\x00\x00\x00\x00\x01" + b"\0" * 99,
    ],
)
def test_connections_that_talk_garbage_harm_nobody(server, good, first):
    host, _, port = server.address.rpartition(":")
    for hang_up in (True, False) * 10:
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(first)
            if not hang_up:
                connection.shutdown(socket.SHUT_WR)


def test_clients_that_vanish_leave_nothing_behind(server, good, until):
    """Cancelled at once, and whole connections dropped with requests under way."""
    for _ in range(10):
        channel = grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)])
        calls = [unary_call(channel, "ModelInfer").future(message(X), timeout=60) for _ in range(20)]
        for call in calls[:10]:
            call.cancel()
        channel.close()
    until(lambda: server._admission.requests == 0)
    assert server._admission.bytes == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.inputs[0].shape.__setitem__(0, 2**62),
        lambda m: m.inputs[0].shape.__setitem__(slice(None), [2**31, 2**31, 2**31, 2**31]),
        lambda m: m.inputs[0].shape.extend([1] * 1000),
        lambda m: m.inputs[0].shape.__setitem__(0, -(2**63)),
        lambda m: m.raw_input_contents.__setitem__(0, b""),
        lambda m: m.raw_input_contents.append(b"\0" * 800),
        lambda m: m.inputs[0].contents.fp32_contents.extend([0.0] * 200),
        lambda m: m.inputs.extend([m.inputs[0]] * 100),
    ],
)
def test_sizes_that_lie_allocate_nothing(server, good, change):
    lie = message(X)
    change(lie)
    before = psutil.Process().memory_info().rss  # the server is within this process
    with grpc.insecure_channel(server.address) as channel:
        for _ in range(20):
            with pytest.raises(grpc.RpcError) as caught:
                unary_call(channel, "ModelInfer")(lie, timeout=60)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert psutil.Process().memory_info().rss - before < 32e6


def test_a_sender_that_trickles_is_cut_off_and_holds_nobody_up(repository, asker):
    """The headers of a call and no message: each holds a place to read at, for read_timeout at most."""
    from cloud_runtime.config import ServerConfig
    from cloud_runtime.server import start

    with start(ServerConfig(repository, listen="127.0.0.1:0", read_timeout=0.5)) as server:
        opened = []
        go = threading.Event()

        def dawdle():
            go.wait(60)
            yield b""

        channels = [
            grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)]) for _ in range(3)
        ]
        for channel in channels:
            call = channel.stream_unary(METHODS["ModelInfer"].path)
            opened += [call.future(dawdle(), timeout=60) for _ in range(8)]
        good = asker(server.address)
        assert [good.ask() for _ in range(5)] == [None] * 5
        assert {call.code() for call in opened} <= {
            grpc.StatusCode.CANCELLED,
            grpc.StatusCode.RESOURCE_EXHAUSTED,
        }
        go.set()
        for channel in channels:
            channel.close()


def test_a_flood_from_one_client_leaves_another_its_answers(repository, asker, under_load, tmp_path):
    """1,500 requests at once from one connection: refused beyond its share, and the other loses none."""
    from cloud_runtime.config import ServerConfig
    from cloud_runtime.server import start

    with start(ServerConfig(repository, listen="127.0.0.1:0", max_queue_requests=8)) as server:
        good = asker(server.address)
        assert good.ask() is None
        tally, stop = under_load([good])
        with grpc.insecure_channel(server.address) as channel:
            call = unary_call(channel, "ModelInfer")
            flood = [call.future(message(np.ones((8, 4, 5, 5), np.float32)), timeout=60) for _ in range(1500)]
            codes = [one.code() for one in flood]
        stop()
        # UNAVAILABLE: the connection's first calls beyond its streams, before the client knows their number.
        assert set(codes) <= {
            grpc.StatusCode.OK,
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            grpc.StatusCode.UNAVAILABLE,
        }
        assert codes.count(grpc.StatusCode.RESOURCE_EXHAUSTED) > codes.count(grpc.StatusCode.UNAVAILABLE)
        assert tally.right > 0
        assert not tally.refused
        assert not tally.lost


def test_health_answers_while_the_queue_is_full(repository, monkeypatch, asker, until):
    from cloud_runtime.config import ServerConfig
    from cloud_runtime.server import start
    from cloud_runtime.serving.processor import Processor

    go, run = threading.Event(), Processor.run

    config = ServerConfig(repository, listen="127.0.0.1:0", max_queue_requests=4, client_share=1)
    with start(config) as server:
        monkeypatch.setattr(Processor, "run", lambda self, x: (go.wait(60), run(self, x))[1])
        with grpc.insecure_channel(server.address) as channel:
            calls = [unary_call(channel, "ModelInfer").future(message(X), timeout=60) for _ in range(4)]
            until(lambda: server._admission.requests == 4)
            assert unary_call(channel, "ServerLive")(pb.ServerLiveRequest(), timeout=30).live
            assert unary_call(channel, "ServerReady")(pb.ServerReadyRequest(), timeout=30).ready
            assert asker(server.address).ask() is grpc.StatusCode.RESOURCE_EXHAUSTED
            go.set()
            assert [call.code() for call in calls] == [grpc.StatusCode.OK] * 4


def test_a_deadline_in_the_queue_costs_no_run(repository, monkeypatch, until):
    from cloud_runtime.config import ServerConfig
    from cloud_runtime.server import start
    from cloud_runtime.serving.processor import Processor

    go, run, runs = threading.Event(), Processor.run, []

    with start(ServerConfig(repository, listen="127.0.0.1:0", workers=1)) as server:
        monkeypatch.setattr(Processor, "run", lambda self, x: (runs.append(1), go.wait(60), run(self, x))[2])
        with grpc.insecure_channel(server.address) as channel:
            call = unary_call(channel, "ModelInfer")
            first = call.future(message(X), timeout=60)
            until(lambda: runs)
            late = [call.future(message(X), timeout=0.3) for _ in range(5)]
            assert {one.code() for one in late} == {grpc.StatusCode.DEADLINE_EXCEEDED}
            until(lambda: server._admission.requests == 1)
            go.set()
            assert first.code() is grpc.StatusCode.OK
    assert len(runs) == 1


def test_slow_readers_keep_their_place_not_the_servers(server, good):
    """Streams whose answers nobody reads: bounded by flow control, and others go on."""
    with grpc.insecure_channel(server.address) as channel:
        call = channel.stream_stream(METHODS["ModelStreamInfer"].path)
        data = message(np.ones((8, 4, 5, 5), np.float32)).SerializeToString()

        def endless(stop):
            while not stop.is_set():
                yield data

        stop = threading.Event()
        streams = [call(endless(stop), timeout=60) for _ in range(4)]
        time.sleep(0.5)
        stop.set()
        for stream in streams:
            stream.cancel()


def test_a_stream_that_ends_takes_its_waiting_request_along(repository, monkeypatch, until):
    from cloud_runtime.config import ServerConfig
    from cloud_runtime.server import start
    from cloud_runtime.serving.processor import Processor

    go, run, runs = threading.Event(), Processor.run, []

    with (
        start(ServerConfig(repository, listen="127.0.0.1:0", workers=1)) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        stream = channel.stream_stream(METHODS["ModelStreamInfer"].path)
        data = message(X).SerializeToString()
        answered, more = threading.Event(), threading.Event()

        def messages():
            yield data
            answered.wait(60)
            yield data
            more.wait(60)

        asked = stream(messages(), timeout=60)
        assert next(asked)
        monkeypatch.setattr(Processor, "run", lambda self, x: (runs.append(1), go.wait(60), run(self, x))[2])
        first = unary_call(channel, "ModelInfer").future(message(X), timeout=60)
        until(lambda: runs)
        answered.set()  # its second message waits behind that run
        until(lambda: server._admission.requests == 2)
        asked.cancel()
        until(lambda: server._admission.requests == 1)
        go.set()
        more.set()
        assert first.code() is grpc.StatusCode.OK
    assert len(runs) == 1
