"""The steps of an export, one after another: load, trace, write."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from export.assemble import Facts, write_bundle
from export.graphs import OPSET, build_graphs
from export.wire_choice import WireType, choose_wire
from phasekey import __version__
from phasekey.bundle import Manifest, WireSpec
from phasekey.model import SplitNetwork
from phasekey.training.checkpoint import Checkpoint, load_checkpoint


def export_checkpoint(
    path: Path,
    destination: Path,
    *,
    name: str | None = None,
    image_dtype: str = "uint8",
    wire: WireType | None = None,
) -> Manifest:
    """Export a checkpoint to DESTINATION/edge and DESTINATION/cloud.

    name: of the model, without the id; default <network>-<data>. image_dtype: what the encoder will
    take, "uint8" (0 to 255) or "float32" (0 to 1). wire: the type of x and h, see export.wire_choice.
    Raises TrainingError for a file that is no checkpoint, ExportError or BundleError where a graph
    cannot be made or written.
    """
    checkpoint = load_checkpoint(path)
    graphs = build_graphs(checkpoint.network, image_dtype=getattr(torch, image_dtype))
    processing, spec = choose_wire(graphs, wire)
    facts = _facts(checkpoint, _default_name(checkpoint) if name is None else name, spec)
    return write_bundle(destination, replace(graphs, processing=processing), facts)


def _default_name(checkpoint: Checkpoint) -> str:
    data = Path(str(checkpoint.facts["data"])).name.split(".")[0]
    return f"{checkpoint.network.architecture.name}-{data}".lower()


def _facts(checkpoint: Checkpoint, name: str, wire: WireSpec) -> Facts:
    return Facts(
        name=name,
        labels=checkpoint.labels,
        decoy_source=checkpoint.network.sampler.source,
        decoy_in_training=checkpoint.network.decoy,
        wire=wire,
        network=_network_facts(checkpoint),
        training={**checkpoint.facts, "settings": dict(checkpoint.config)},
        export={"phasekey": __version__, "torch": str(torch.__version__), "opset": OPSET},
    )


def _network_facts(checkpoint: Checkpoint) -> dict[str, Any]:
    network: SplitNetwork = checkpoint.network
    return {
        **checkpoint.architecture,
        "image": list(network.image),
        "feature_shape": list(network.feature_shape),
        "processed_shape": list(network.processed_shape),
        "parameters": {
            "encoder": _count(network.encoder),
            "processing": _count(network.processing),
            "decoder": _count(network.decoder),
        },
    }


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
