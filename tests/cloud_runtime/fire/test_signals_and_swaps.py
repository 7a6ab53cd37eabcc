"""SIGTERM, SIGKILL, a full disk and a model swapped, all under load: how many tried, refused, lost."""

import signal
import time

import grpc
import pytest
import tritonclient.grpc as triton

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start

CLIENTS = 16


def test_sigterm_under_load_loses_nothing(process, asker, under_load, until):
    """Every request is answered right or gets UNAVAILABLE, also the one of that very moment; exit 0."""
    server, address = process()
    tally, stop = under_load([asker(address) for _ in range(CLIENTS)])
    until(lambda: tally.right > 50)
    server.send_signal(signal.SIGTERM)
    assert server.wait(60) == 0
    stop()
    assert tally.lost == []
    assert set(tally.refused) == {grpc.StatusCode.UNAVAILABLE}


def test_a_stated_delay_is_served_while_not_ready(process, asker, under_load, until):
    """Balancers see `not ready` first; whoever still comes meanwhile is served."""
    server, address = process("--drain-delay", "60", "--http", "127.0.0.1:0")
    client = asker(address)
    assert client.ask() is None
    server.send_signal(signal.SIGTERM)
    with triton.InferenceServerClient(address) as stock:
        until(lambda: not stock.is_server_ready(client_timeout=30))
        assert stock.is_server_live(client_timeout=30)
    assert client.ask() is None
    server.send_signal(signal.SIGTERM)  # a second one does not wait; no machine is slower than the delay
    assert server.wait(50) == -signal.SIGTERM


def test_sigkill_loses_what_was_under_way_and_says_unavailable(process, asker, under_load, until):
    server, address = process()
    tally, stop = under_load([asker(address) for _ in range(CLIENTS)])
    until(lambda: tally.right > 50)
    server.kill()
    server.wait(60)
    stop()
    assert tally.lost == []  # wrong answers or other statuses
    assert set(tally.refused) == {grpc.StatusCode.UNAVAILABLE}


def test_a_full_disk_for_logs_stops_no_answer(process, asker):
    with open("/dev/full", "w") as full:
        server, address = process("--log-level", "debug", stderr=full)
        client = asker(address)
        assert [client.ask() for _ in range(20)] == [None] * 20
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0


def test_a_model_is_swapped_under_load_without_a_lost_call(
    tmp_path, write_model, plain, asker, under_load, until
):
    """Loaded anew with another configuration again and again: each call gets its answer."""
    folder = write_model(tmp_path, "m", plain)
    config = ServerConfig(tmp_path, listen="127.0.0.1:0", model_control="explicit", load_model=("m",))
    with start(config) as server, triton.InferenceServerClient(server.address) as stock:
        tally, stop = under_load([asker(server.address, model="m") for _ in range(8)])
        for version in range(2, 8):
            (folder / str(version)).mkdir()
            (folder / str(version) / "model.onnx").write_bytes(plain[0])
            seen = tally.right
            stock.load_model("m")
            assert stock.get_model_metadata("m").versions == [str(version)]
            until(lambda seen=seen: tally.right > seen + 8)
        stop()
        assert not tally.refused
        assert not tally.lost


@pytest.mark.parametrize("waiting", [0.0, 0.3])
def test_a_model_that_is_unloaded_answers_what_it_has_begun(
    tmp_path, write_model, plain, asker, under_load, until, waiting
):
    write_model(tmp_path, "m", plain)
    config = ServerConfig(tmp_path, listen="127.0.0.1:0", model_control="explicit", load_model=("m",))
    with start(config) as server, triton.InferenceServerClient(server.address) as stock:
        tally, stop = under_load([asker(server.address, model="m") for _ in range(4)])
        until(lambda: tally.right > 10)
        time.sleep(waiting)
        stock.unload_model("m")
        until(lambda: grpc.StatusCode.NOT_FOUND in tally.refused)
        stop()
        assert set(tally.refused) == {grpc.StatusCode.NOT_FOUND}
        assert not tally.lost
