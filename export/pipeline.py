"""The steps of an export, one after another: load, trace, convert, prove and measure, write."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from export.audited import find_audit
from export.checks.evidence import Evidence, collect
from export.conversion.shipped import Conversion, convert
from export.conversion.wire_choice import WireType
from export.errors import ExportError
from export.graphs import OPSET, Arithmetic, build_graphs
from export.writing.assemble import Facts, write_bundle
from phasekey import __version__
from phasekey.bundle import (
    LOCAL_FALLBACK,
    LOCAL_FILE,
    DecoySpec,
    Manifest,
    SecretSpec,
    edge_of,
    load_manifest,
)
from phasekey.model import SplitNetwork
from phasekey.model.counting import count_parameters
from phasekey.model.hiding.promise import guarantee_of
from phasekey.training.checkpoint import Checkpoint, load_checkpoint


@dataclass(frozen=True)
class ExportOptions:
    """How to export.

    name: of the model, without the id; default <network>-<data>. image_dtype: what the encoder will
    take, "uint8" (0 to 255) or "float32" (0 to 1). wire: the type of x and h, see
    export.conversion.wire_choice. processing, calibration: arithmetic of the processing graph and data for
    int8, see export.conversion.shipped.
    allow_unproved: write a bundle even where the processing graph is not proved to be equivariant.
    score: measure the accuracy of the graphs on test images, where the data of training is at hand.
    lineage: the bundle whose line this one continues: devices then keep their keys, see docs/adr/0088.
    audit, require_audit: a summary of a privacy audit and whether there must be one, see export.audited.
    local_fallback: put the processing graph into the edge folder too, for when no server answers.
    """

    name: str | None = None
    image_dtype: str = "uint8"
    wire: WireType | None = None
    processing: Arithmetic = "float32"
    calibration: str | None = None
    allow_unproved: bool = False
    lineage: Path | None = None
    audit: Path | None = None
    require_audit: bool = False
    score: bool = True
    local_fallback: bool = False


DEFAULTS = ExportOptions()


def export_checkpoint(path: Path, destination: Path, options: ExportOptions = DEFAULTS) -> Manifest:
    """Export a checkpoint of `phasekey train` to DESTINATION/edge and DESTINATION/cloud.

    Args:
        path: the checkpoint.
        destination: a new folder, or one that holds an export (docs/adr/0024 says what of it stays).
        options: how.

    Returns:
        The manifest as written.

    Raises:
        TrainingError: the file is no checkpoint.
        ExportError: a graph cannot be made, proved or written; or the audit asked for is missing.
        BundleError: the destination holds other things.
        AuditError: the audit's file is damaged.
    """
    checkpoint = load_checkpoint(path)
    audit = find_audit(path, options.audit, required=options.require_audit)  # before the long part
    return _export(checkpoint, destination, options, audit)


def export_network(
    network: SplitNetwork, labels: Sequence[str], destination: Path, options: ExportOptions = DEFAULTS
) -> Manifest:
    """Export a network that was trained by other means than phasekey.training.fit.

    Args:
        network: its sampler, from whose images devices make decoys, must have been fitted:
            network.sampler.fit(images).
        labels: the class names in the order of the logits.
        destination: as export_checkpoint takes it.
        options: how; an audit belongs to a checkpoint, so none can be asked for.

    Returns:
        The manifest as written.

    Raises:
        ExportError: as export_checkpoint, or the sampler was not fitted, or an audit was asked for.
        BundleError: the destination holds other things.
    """
    if options.audit or options.require_audit:
        raise ExportError("an audit belongs to a checkpoint's file, and here is none; export a checkpoint")
    architecture = {"arch": network.architecture.name, "form": network.form, "head": network.head}
    return _export(Checkpoint(network, architecture, tuple(labels), {}, {}), destination, options, None)


def _export(
    trained: Checkpoint, destination: Path, options: ExportOptions, audit: dict[str, Any] | None
) -> Manifest:
    if not trained.network.hides:
        raise ExportError(
            "the network's decoys were never fitted, so that every image would be hidden by one and the "
            "same, which anyone can compute: call network.sampler.fit(images) on training images, uint8 "
            "(N, H, W, C)"
        )
    lineage = (  # a wrong folder shows before the long part
        None if options.lineage is None else load_manifest(edge_of(options.lineage)).key_context.decode()
    )
    graphs = build_graphs(
        trained.network, image_dtype=getattr(torch, options.image_dtype), arithmetic=options.processing
    )
    shipped = convert(
        trained,
        graphs,
        wire=options.wire,
        processing=options.processing,
        calibration=options.calibration,
        score=options.score,
    )
    evidence = collect(
        trained.network,
        graphs,
        shipped.processing,
        wire=shipped.wire,
        arithmetic=options.processing,
        allow_unproved=options.allow_unproved,
    )
    name = _default_name(trained) if options.name is None else options.name
    facts = replace(_facts(trained, name, shipped, evidence), audit=audit, lineage=lineage)
    if options.local_fallback:
        facts = replace(facts, export={**facts.export, LOCAL_FALLBACK: LOCAL_FILE})
    return write_bundle(destination, replace(graphs, processing=shipped.processing), facts)


def _default_name(checkpoint: Checkpoint) -> str:
    data = Path(str(checkpoint.facts.get("data", "data"))).name.split(".")[0]
    return f"{checkpoint.network.architecture.name}-{data}".lower()


def _facts(checkpoint: Checkpoint, name: str, shipped: Conversion, evidence: Evidence) -> Facts:
    network = checkpoint.network
    return Facts(
        name=name,
        labels=checkpoint.labels,
        secret=SecretSpec(network.secret, network.components),
        guarantee=guarantee_of(network),
        decoy=DecoySpec(network.decoy_source, network.noise_size, network.decoy, network.sigma),
        wire=shipped.wire,
        proof=evidence.proof,
        network=_network_facts(checkpoint),
        training={**checkpoint.facts, "settings": _settings(checkpoint)},
        export={
            "phasekey": __version__,
            "torch": str(torch.__version__),
            "opset": OPSET,
            **shipped.facts,
            **evidence.facts(),
        },
    )


def _settings(checkpoint: Checkpoint) -> dict[str, Any]:
    """The settings of training, the data by its name: `--data` may be a path, and paths stay at home."""
    named = {"data": checkpoint.facts["data"]} if "data" in checkpoint.facts else {}
    return {name: value for name, value in checkpoint.config.items() if name != "data"} | named


def _network_facts(checkpoint: Checkpoint) -> dict[str, Any]:
    network: SplitNetwork = checkpoint.network
    named = {name: value for name, value in checkpoint.architecture.items() if name != "description"}
    return {
        **named,
        "image": list(network.image),
        "feature_shape": list(network.feature_shape),
        "processed_shape": list(network.processed_shape),
        "parameters": {
            "encoder": count_parameters(network.encoder),
            "processing": count_parameters(network.processing),
            "decoder": count_parameters(network.decoder),
        },
    }
