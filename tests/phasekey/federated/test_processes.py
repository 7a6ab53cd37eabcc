"""Server and devices as people start them: real SuperLink and SuperNodes, watched from outside."""

import re
import subprocess
import sys
from contextlib import ExitStack
from importlib.util import find_spec

import numpy as np
import pytest

from phasekey.training.checkpoint import load_checkpoint
from sdk.keeping.secret_file import device_secret
from tests.phasekey.federated.capture import found, images_as_they_may_travel, relay
from tests.phasekey.federated.started import Running, free_port

pytestmark = [
    pytest.mark.skipif(
        find_spec("flwr") is None, reason="Flower is in an environment of its own: `make federated`"
    ),
    pytest.mark.timeout(900),  # seconds; half a minute each on an idle machine, nearly all of it polling
]


def elsewhere(log):
    """Connections that leave this machine."""
    lines = log.read_text().splitlines()
    assert lines
    here = re.compile(
        r"socket\.(connect \('(127\.0\.0\.1|::1)'|connect '|getaddrinfo b?'(127\.0\.0\.1|localhost)')"
    )
    return [line for line in lines if not here.match(line)]


def test_a_fleet_survives_its_servers_death_and_sends_no_image_no_label_and_nothing_elsewhere(
    fleet, checkpoint, tmp_path
):
    server, device, parts, log = fleet
    port = free_port()
    secret = bytes(device_secret(tmp_path / ".local" / "share" / "phasekey"))  # where these processes have it
    with ExitStack() as running:
        wire = running.enter_context(relay(port))
        for number in range(2):
            running.enter_context(device(number, wire.port))
        first = running.enter_context(server(port, rounds=9))
        first.wait_for("round 1/9")
        first.process.kill()
        first.process.wait()
        done = load_checkpoint(tmp_path / "fed" / "model.pt").facts["federated"]["rounds"]
        second = running.enter_context(server(port, rounds=done + 1))
        second.wait_for("saved")
    after = load_checkpoint(tmp_path / "fed" / "model.pt")
    assert after.facts["federated"]["rounds"] == done + 1
    assert f"round 1/{done + 1}" not in (tmp_path / "server.log").read_text()
    assert elsewhere(log) == []

    images = np.concatenate([part.images for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    secrets = [labels, labels.astype(np.int32), labels.astype(np.float32)]
    assert found(wire.content, images_as_they_may_travel(images)) == 0
    assert found(wire.content, secrets) == 0
    assert secret not in wire.content
    assert secret.hex().encode() not in wire.content.lower()
    for part in parts:  # in the order of the folders, as training reads them
        assert part.labels.astype(np.int64).tobytes() not in wire.content
    # The capture would have seen them: weights go by as they are, and what is written is found.
    weights = [value.detach().numpy() for value in checkpoint.network.decoder.parameters()]
    assert found(wire.content, weights) > 0
    assert found(wire.content + images[3].tobytes(), images_as_they_may_travel(images)) > 0


def test_three_simulated_devices_sum_in_secret(fleet, watched, checkpoint, tmp_path):
    """The command that a person tries first, in the mode that is the default."""
    _, _, _, log = fleet
    env, _ = watched
    words = [
        "simulate",
        "--ckpt",
        "start.pt",
        "--data",
        "public",
        "--clients",
        3,
        "--rounds",
        1,
        "--out",
        "sim",
    ]
    with Running([*words, "--lr", 0.05], env, tmp_path / "simulate.log") as run:
        run.wait_for("saved")
    facts = load_checkpoint(tmp_path / "sim" / "model.pt").facts["federated"]
    assert (facts["rounds"], facts["devices"], facts["aggregate"]) == (1, 3, "secagg")
    assert elsewhere(log) == []


def test_the_watch_sees_flowers_telemetry_where_it_is_on(watched):
    """Else the test above could not fail."""
    env, log = watched
    code = (
        "from flwr.supercore.telemetry import EventType, event; f = event(EventType.PING); f and f.result()"
    )
    subprocess.run([sys.executable, "-c", code], env=env, timeout=60, check=False, capture_output=True)
    assert any("telemetry.flower.ai" in line for line in elsewhere(log))
