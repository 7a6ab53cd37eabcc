from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.server import start


@pytest.fixture
def running(repository):
    server = start(ServerConfig(repository, listen="127.0.0.1:0", http="127.0.0.1:0"))
    yield server
    server.stop(0)


def get(server, path):
    """(status, body) of one request."""
    try:
        with urlopen(f"http://{server.http_address}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def test_health_follows_the_server(running):
    assert get(running, "/v2/health/live") == (200, "")
    assert get(running, "/v2/health/ready") == (200, "")
    running.drain()
    assert get(running, "/v2/health/live") == (200, "")
    assert get(running, "/v2/health/ready") == (503, "")


@pytest.mark.parametrize("path", ["/", "/v2/models", "/../etc/passwd"])
def test_there_is_nothing_else(running, path):
    assert get(running, path)[0] == 404


def test_a_port_that_is_taken_is_said(running, repository):
    with pytest.raises(CloudRuntimeError, match="for HTTP"):
        start(ServerConfig(repository, listen="127.0.0.1:0", http=running.http_address))
