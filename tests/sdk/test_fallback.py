"""Where no server can be reached: the device computes by itself, says so, and spares the servers a while."""

import dataclasses
import shutil

import numpy as np
import pytest

from phasekey.bundle import LOCAL_FALLBACK, LOCAL_FILE, write_manifest
from sdk import ConfigurationError, EdgeClient, Unavailable, WrongModel
from sdk.core.breaker import Breaker


@pytest.fixture
def export(new_export):
    """An export that holds the processing graph on the device too."""
    written = new_export()
    shutil.copy(written.cloud / written.manifest.model_name / "1" / "model.onnx", written.edge / LOCAL_FILE)
    manifest = dataclasses.replace(written.manifest, export={LOCAL_FALLBACK: LOCAL_FILE})
    write_manifest(written.edge, manifest)
    return dataclasses.replace(written, manifest=manifest)


class Failing:
    """A transport that fails while it is told to."""

    def __init__(self, memory):
        self._memory, self.error, self.calls = memory, Unavailable("nobody there"), 0

    bytes_up = bytes_down = 0

    def check(self, manifest):
        self._try()

    def infer(self, x):
        self._try()
        return self._memory.infer(x)

    def close(self):
        self._memory.close()

    def _try(self):
        self.calls += 1
        if self.error is not None:
            raise self.error


@pytest.fixture
def failing(export, in_memory):
    return Failing(in_memory(export))


def test_a_device_computes_by_itself_and_says_so(export, failing):
    images = export.network.images(5)
    with EdgeClient(export.edge, transport=failing, on_unavailable="local", batch_size=2) as client:
        result = client.predict(images)
        assert client.model_info().local_fallback
    np.testing.assert_allclose(result.probabilities, export.network.probabilities(images), atol=2e-5)
    assert result.fallen_back == (0, 1, 2, 3, 4)
    assert result.reason


def test_servers_are_left_alone_for_a_while_and_tried_again(export, failing):
    options = {"on_unavailable": "local", "breaker_failures": 2, "breaker_pause": 3600.0}
    client = EdgeClient(export.edge, transport=failing, **options)
    for _ in range(4):
        client.predict(export.network.images(1))
    assert failing.calls == 2
    failing.error = None
    client._breaker._until = 0.0  # the pause is over
    result = client.predict(export.network.images(1))
    assert (result.fallen_back, result.reason) == ((), None)


def test_no_x_goes_to_a_server_that_was_never_checked(export, in_memory):
    """It comes back between the check and the request, with another model perhaps."""
    memory = in_memory(export)
    client = EdgeClient(export.edge, transport=memory, on_unavailable="local")

    def gone(manifest):
        raise Unavailable("gone")

    there, memory.check = memory.check, gone
    assert client.predict(export.network.images(1)).fallen_back == (0,)
    assert memory.sent == []
    memory.check = there
    assert client.predict(export.network.images(1)).fallen_back == ()
    assert (memory.checks, len(memory.sent)) == (1, 1)


def test_what_no_server_can_mend_is_raised_all_the_same(export, failing):
    failing.error = WrongModel("another model")
    client = EdgeClient(export.edge, transport=failing, on_unavailable="local")
    with pytest.raises(WrongModel):
        client.predict(export.network.images(1))


def test_a_real_server_that_goes_away_in_between(export, serve):
    images = export.network.images(2)
    with serve(export) as running:
        client = EdgeClient(export.edge, running.address, on_unavailable="local", timeout=10)
        assert client.predict(images).fallen_back == ()
    result = client.predict(images)
    client.close()
    assert result.fallen_back == (0, 1)
    assert "No server answered" in result.reason


def test_without_the_graph_it_cannot_be_asked_for(small_export, export, memory):
    with pytest.raises(ConfigurationError, match="--with-local-fallback"):
        EdgeClient(small_export.edge, transport=memory, on_unavailable="local")
    (export.edge / LOCAL_FILE).write_bytes(b"another")
    with pytest.raises(ConfigurationError, match="is not the cloud's graph"):
        EdgeClient(export.edge, transport=memory, on_unavailable="local")


def test_the_breaker_lets_one_try_after_each_pause():
    now = [0.0]
    breaker = Breaker(2, 10.0, clock=lambda: now[0])
    breaker.failed()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    now[0] = 10.0
    assert breaker.allows()
    assert not breaker.allows()
    breaker.failed()
    now[0] = 19.0
    assert not breaker.allows()
    now[0] = 20.0
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
