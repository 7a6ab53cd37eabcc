"""An export proves and measures what it ships, refuses what fails, and says so where it was told to go on."""

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import export.pipeline
from cloud_runtime.repository.models import ModelRepository
from edge_runtime import Encoder
from export.checks.evidence import collect
from export.checks.parity import relative_l2, turn
from export.errors import ExportError
from export.graphs import Graphs, build_graphs
from export.writing.assemble import ROLES
from export.writing.card import card_text
from export.writing.model_repository import write_config
from phasekey.bundle import ProofSpec, load_manifest, write_manifest
from phasekey.cli import main
from phasekey.model import SplitNetwork
from phasekey.model.hiding.secrets import rotations
from phasekey.training.checkpoint import load_checkpoint


@pytest.fixture
def trained(exported) -> SplitNetwork:
    return load_checkpoint(exported.checkpoint).network


def with_bias(network: SplitNetwork) -> SplitNetwork:
    """The network with the one thing that a complex layer must not have."""
    convolution = network.processing.layers[0]
    assert isinstance(convolution, nn.Conv2d)
    convolution.bias = nn.Parameter(torch.full((convolution.out_channels,), 0.5))
    return network


def test_what_is_shipped_is_proved_and_close_to_pytorch(trained: SplitNetwork) -> None:
    graphs = build_graphs(trained)
    evidence = collect(trained, graphs, graphs.processing)
    assert evidence.proof == ProofSpec("proved", "exact")
    assert evidence.parity.batches == (1, 2, 5, 64)
    for error in (evidence.parity.encoder, evidence.parity.processing, evidence.parity.decoder):
        assert error.samples == 72
        assert 0 < error.median <= error.q75 <= error.q95 <= error.largest < 1e-3
    assert evidence.parity.equivariance.median < 1e-5


def test_cost_counts_what_the_equations_say(trained: SplitNetwork) -> None:
    graphs = build_graphs(trained)
    cost = collect(trained, graphs, graphs.processing).cost
    # Both components go through each layer; an addition and a multiplication count as two.
    convolution = 2 * 2 * (16 * 10 * 10) * (6 * 5 * 5)
    linear = 2 * 2 * (400 * 120 + 120 * 84)
    assert cost.flops_processing == convolution + linear
    assert cost.flops_decoder == 2 * 84 * 10
    assert (cost.bytes_up, cost.bytes_down) == (4 * 2 * 6 * 14 * 14, 4 * 2 * 84)


def test_the_card_says_whether_the_device_is_spared_work(exported) -> None:
    manifest = load_manifest(exported.edge)
    cost = {**manifest.export["cost"], "flops_encoder": 100, "flops_decoder": 20, "flops_plain": 480}

    def card(**changed: int) -> str:
        export = {**manifest.export, "cost": {**cost, **changed}}
        return card_text(replace(manifest, export=export), dict.fromkeys(ROLES, 1))

    assert "spares the device 75% of the operations" in card()
    assert "**A device does 500 operations" in card(flops_encoder=480)
    assert "spares the device nothing" in card(flops_encoder=480)


def test_a_bias_is_refused_by_name(trained: SplitNetwork) -> None:
    network = with_bias(trained)
    graphs = build_graphs(network)
    with pytest.raises(ExportError, match=r"not proved.*Conv.*--unsafe-allow-unproved"):
        collect(network, graphs, graphs.processing)
    evidence = collect(network, graphs, graphs.processing, allow_unproved=True)
    assert evidence.proof.verdict == "unproved"
    assert evidence.parity.equivariance.median > 1e-2  # the measurement agrees with the refusal


def test_a_graph_of_other_weights_is_refused(trained: SplitNetwork) -> None:
    graphs = build_graphs(trained)
    other = onnx.ModelProto()
    other.CopyFrom(graphs.processing)
    weight = max(other.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    values = np.frombuffer(weight.raw_data, np.float32).copy()
    values[:100] += 0.1
    weight.raw_data = values.tobytes()
    with pytest.raises(ExportError, match="does not compute what the network computes"):
        collect(trained, Graphs(graphs.encoder, other, graphs.decoder), graphs.processing)


def test_the_command_refuses_and_ships_with_a_mark(exported, tmp_path: Path, capsys, monkeypatch) -> None:
    def biased(network: SplitNetwork, **options: object) -> Graphs:
        return build_graphs(with_bias(network), **options)

    monkeypatch.setattr(export.pipeline, "build_graphs", biased)
    arguments = ["export", "--ckpt", str(exported.checkpoint), "--out", str(tmp_path / "bundle")]
    assert main(arguments) == 2
    assert "not proved" in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()
    assert main([*arguments, "--unsafe-allow-unproved"]) == 0
    assert load_manifest(tmp_path / "bundle" / "edge").proof.verdict == "unproved"
    assert "**NOT PROVED**" in (tmp_path / "bundle" / "model-card.md").read_text()


def test_both_runtimes_say_unproved_at_every_start(exported, tmp_path: Path, caplog) -> None:
    bundle = shutil.copytree(exported.bundle, tmp_path / "bundle")
    manifest = load_manifest(bundle / "edge")

    def starts() -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            Encoder(bundle / "edge", load_manifest(bundle / "edge"))
            ModelRepository(bundle / "cloud").load_all()
        return [record.name for record in caplog.records if "unproved" in record.getMessage()]

    assert starts() == []
    unproved = replace(manifest, proof=ProofSpec("unproved", "node conv"))
    write_manifest(bundle / "edge", unproved)
    write_config(bundle / "cloud" / manifest.model_name, unproved)
    assert starts() == ["edge_runtime.graphs", "cloud_runtime.repository.models"]


def test_the_card_tells_the_manifests_figures(exported) -> None:
    manifest = json.loads((exported.edge / "manifest.json").read_text())
    card = (exported.bundle / "model-card.md").read_text()
    for figure in (
        manifest["bundle_id"],
        f"{manifest['training']['test_accuracy']:.2%}",
        f"{manifest['export']['cost']['flops_processing']:,}",
        f"{manifest['export']['cost']['bytes_up']:,} bytes up",
        f"{manifest['export']['parity']['processing']['median']:.1e}",
        f"{(exported.edge / 'encoder.onnx').stat().st_size:,}",
        "**proved**",
        f"{manifest['export']['parity']['shipped']['median']:.1e}",
        f"{manifest['export']['accuracy']['graphs, processing float32, wire float16']:.2%}",
        f"{manifest['export']['cost']['flops_plain']:,}",
        "## Intended use",
    ):
        assert figure in card


def test_the_measures_themselves_are_those_of_complex_numbers() -> None:
    rng = np.random.default_rng(0)
    f, theta = rng.normal(size=(3, 4, 2, 2)).astype(np.float32), rng.uniform(0, 6, 3)
    z = (f[:, :2] + 1j * f[:, 2:]) * np.exp(1j * theta)[:, None, None, None]
    np.testing.assert_allclose(
        turn(f, rotations(torch.from_numpy(theta))), np.concatenate([z.real, z.imag], 1), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(relative_l2(1.5 * f, f), 0.5, rtol=1e-6)
