"""A bundle's graphs and calls on this machine, through a real server that answers with zeros."""

import json
import shutil

import numpy as np
import pytest

from edge_runtime import Decoder
from phasekey.bundle import load_manifest
from phasekey.cli import main
from phasekey.errors import PhasekeyError
from phasekey.planner import measure_bundle
from phasekey.planner.echo import echo_repository
from phasekey.planner.measure import LOOPBACK
from phasekey.served import running_server
from sdk import EdgeClient


def test_the_echo_answers_as_the_bundles_own_model_with_zeros(exported, tmp_path):
    """So the device decodes zeros, whatever the image; several images in one request have an answer each."""
    manifest = load_manifest(exported.edge)
    repository = echo_repository(manifest, exported.cloud, tmp_path)
    with (
        running_server(repository) as address,
        EdgeClient(exported.edge, address, ephemeral=True) as client,
    ):
        found = client.predict(exported.images[:3]).probabilities
    shape = [size or 1 for size in manifest.decoder.inputs[0].shape]
    expected = Decoder(exported.edge, manifest).decode(np.zeros(shape, np.float32))
    np.testing.assert_allclose(found, np.repeat(expected, 3, axis=0), atol=1e-6)


def test_a_bundle_is_measured_by_its_own_graphs_and_calls(exported, capfd, monkeypatch):
    """The parts of its split are what was measured: operations over speed, and what a call costs beside.

    The server of the echo says nothing to people who asked for a plan.
    """
    seconds = iter([0.001, 0.002, 0.003, 1.0])  # encoder, decoder, processing, call: each is run, none timed
    monkeypatch.setattr(measure_bundle, "median_seconds", lambda run: (run(), next(seconds))[1])
    assert main(["plan", "--bundle", str(exported.bundle), "--measure", "--json"]) == 0
    printed = capfd.readouterr()
    assert printed.err == ""
    facts = json.loads(printed.out)
    (own,) = (way for way in facts["ways"] if way["name"] == "this bundle's split")
    cost, speeds = load_manifest(exported.edge).export["cost"], facts["speeds"]
    assert (own["encode"], own["cloud"], own["decode"]) == tuple(
        cost[f"flops_{part}"] for part in ("encoder", "processing", "decoder")
    )
    sent = speeds["rtt"] + 8 * (cost["bytes_up"] + cost["bytes_down"]) / (1000 * LOOPBACK)
    assert speeds["per_call"] == pytest.approx(1000 - 3 - sent)
    measured = cost["flops_processing"] / (1e6 * speeds["cloud"])
    assert measured == pytest.approx(3)
    assert own["latency_ms"]["cloud"] == pytest.approx(measured)
    assert own["latency_ms"]["total"] > speeds["rtt"] + speeds["per_call"] + measured


def test_a_quiet_server_that_does_not_start_says_why(tmp_path, capfd):
    with pytest.raises(PhasekeyError, match="did not start"), running_server(tmp_path / "none", quiet=True):
        pass
    assert "none" in capfd.readouterr().err


def test_one_half_is_not_enough(exported, tmp_path, capsys):
    shutil.copytree(exported.edge, tmp_path / "edge")
    assert main(["plan", "--bundle", str(tmp_path), "--measure"]) == 2
    assert "both halves" in capsys.readouterr().err
