"""Calls taken from gRPC's core, against grpcio's own client."""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from cloud_runtime.protocol.rpc import RpcPort

PATH, OTHER = "/test.Service/Take", "/test.Service/Other"


class Server:
    """Calls go through `step`; what it leaves in `jobs` is done by the threads that take calls."""

    def __init__(self, step):
        self.jobs, self.workers, self.ended = [], set(), threading.Semaphore(0)
        other = grpc.unary_unary_rpc_method_handler(lambda data, _: data)
        handler = grpc.method_handlers_generic_handler("test.Service", {"Other": other})
        self._pool = ThreadPoolExecutor(1)
        self._grpc = grpc.server(self._pool, handlers=[handler])

        def begin(rpc):
            rpc.watch(self.ended.release)
            step(self, rpc)

        self._port = RpcPort(self._grpc, PATH, begin, self)
        self.address = f"127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self._grpc.start()
        self._port.open(2)

    def waits(self):
        return bool(self.jobs)

    def work(self):
        try:
            job = self.jobs.pop(0)
        except IndexError:
            return False
        self.workers.add(threading.current_thread().name)
        job()
        return True

    def stop(self):
        self._grpc.stop(1).wait()
        self._port.close()
        self._pool.shutdown()


@pytest.fixture
def serve():
    """Make servers: serve(step) → (server, channel)."""
    made = []

    def start(step):
        server = Server(step)
        channel = grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)])
        made.append((server, channel))
        return server, channel

    yield start
    for server, channel in made:
        channel.close()
        server.stop()


def echo(server, rpc):
    rpc.read(lambda data: server.jobs.append(lambda: rpc.answer(data, (("seen", "yes"),))))


def test_calls_are_answered_by_the_threads_that_took_them(serve):
    server, channel = serve(echo)
    call = channel.unary_unary(PATH)
    asked = [call.future(f"{number}".encode() * 50_000, timeout=60) for number in range(40)]
    assert [future.result() for future in asked] == [f"{number}".encode() * 50_000 for number in range(40)]
    assert dict(asked[0].trailing_metadata())["seen"] == "yes"
    assert server.workers <= {"call 0", "call 1"}
    assert all(server.ended.acquire(timeout=30) for _ in asked)


def test_other_methods_stay_with_grpcio(serve):
    _, channel = serve(echo)
    assert channel.unary_unary(OTHER)(b"x", timeout=60) == b"x"
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/test.Service/Nothing")(b"x", timeout=60)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_what_a_call_tells_of_its_client(serve):
    told = {}

    def tell(_, rpc):
        told.update(peer=rpc.peer(), left=rpc.time_remaining(), headers=dict(rpc.invocation_metadata()))
        told["tls"] = rpc.auth_context()
        rpc.refuse(grpc.StatusCode.NOT_FOUND, "nothing, naïvely")

    _, channel = serve(tell)
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(PATH)(b"x", timeout=1000, metadata=(("key", "value"), ("raw-bin", b"\0\1")))
    assert (caught.value.code(), caught.value.details()) == (grpc.StatusCode.NOT_FOUND, "nothing, naïvely")
    assert told["peer"].startswith("ipv4:127.0.0.1:")
    assert 900 < told["left"] < 1100  # gRPC sends it with few digits
    assert (told["headers"]["key"], told["headers"]["raw-bin"]) == ("value", b"\0\1")
    assert "x509_common_name" not in told["tls"]


def test_no_message_is_none(serve):
    came = []

    def note(_, rpc):
        rpc.read(lambda data: (came.append(data), rpc.refuse(grpc.StatusCode.INVALID_ARGUMENT, "none")))

    _, channel = serve(note)
    with pytest.raises(grpc.RpcError) as caught:
        channel.stream_unary(PATH)(iter(()), timeout=60)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert came == [None]


@pytest.mark.parametrize("how", ["cancelled", "deadline", "hangs up", "read by us, then cancelled by us"])
def test_a_client_that_goes_is_noticed_and_needs_no_answer(serve, how):
    held, read = [], threading.Event()

    def hold(_, rpc):
        held.append(rpc)
        rpc.read(lambda _: read.set())

    server, channel = serve(hold)
    grpc.channel_ready_future(channel).result(30)  # the deadline is for the call alone, which arrives in time
    future = channel.unary_unary(PATH).future(b"x", timeout=3 if how == "deadline" else 60)
    assert read.wait(30)
    assert held[0].is_active() or how == "deadline"
    if how == "cancelled":
        future.cancel()
    elif how == "hangs up":
        channel.close()
    elif how != "deadline":
        held[0].cancel()
    assert server.ended.acquire(timeout=30)
    assert not held[0].is_active()
    held[0].answer(b"late", ())  # does no harm
    if how != "hangs up":
        fresh = channel.unary_unary(OTHER)
        assert fresh(b"y", timeout=60) == b"y"


def test_a_step_that_fails_ends_no_thread(serve, caplog):
    failed = threading.Semaphore(0)

    def fail(server, rpc):
        if ("fail", "yes") in rpc.invocation_metadata():
            failed.release()
            raise KeyError("secret")
        echo(server, rpc)

    _, channel = serve(fail)
    call = channel.unary_unary(PATH)
    lost = [call.future(b"x", timeout=60, metadata=(("fail", "yes"),)) for _ in range(4)]  # more than threads
    assert all(failed.acquire(timeout=30) for _ in lost)
    assert call(b"y", timeout=60) == b"y"
    for future in lost:
        future.cancel()
    assert "KeyError at test_rpc.py" in caplog.text
    assert "secret" not in caplog.text


def test_a_call_under_way_at_the_stop_is_answered_and_the_threads_end(serve):
    begun, go = threading.Event(), threading.Event()

    def slow(server, rpc):
        def answer(data):
            begun.set()
            assert go.wait(30)
            rpc.answer(data, ())

        rpc.read(lambda data: server.jobs.append(lambda: answer(data)))

    server, channel = serve(slow)
    future = channel.unary_unary(PATH).future(b"x", timeout=60)
    assert begun.wait(30)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    go.set()
    assert future.result() == b"x"
    stopping.join(30)
    assert not stopping.is_alive()
    names = {thread.name for thread in server._port._threads if thread.is_alive()}
    assert not names
