"""From three graphs to a bundle on disk: identified, stamped, checksummed, written whole or not at all."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx

from export.errors import ExportError
from export.graphs import Graphs
from export.signature import inputs_of, outputs_of
from export.writing.card import write_card
from export.writing.model_repository import MODEL_FILE, write_config
from export.writing.stamp import serialise, stamp, strip
from phasekey.audit.report.card import CARD_FILE
from phasekey.bundle import (
    FORMAT_VERSION,
    LOCAL_FALLBACK,
    BundleError,
    DecoySpec,
    GraphFile,
    ImageSpec,
    Manifest,
    ProofSpec,
    SecretSpec,
    WireSpec,
    describe_graph,
    identify,
    load_manifest,
    name_model,
    staged,
    write_manifest,
)

ROLES = ("encoder", "processing", "decoder")


@dataclass(frozen=True)
class Facts:
    """What the manifest tells beside the graphs; see docs/manifest.schema.json."""

    name: str
    labels: tuple[str, ...]
    secret: SecretSpec
    guarantee: dict[str, Any] | None
    decoy: DecoySpec
    wire: WireSpec
    proof: ProofSpec
    network: dict[str, Any]
    training: dict[str, Any]
    export: dict[str, Any]
    audit: dict[str, Any] | None = None
    lineage: str | None = None


def write_bundle(destination: Path, graphs: Graphs, facts: Facts) -> Manifest:
    """Write DESTINATION/edge, DESTINATION/cloud and the model card, whole or not at all.

    An export that is there is replaced, but for the cloud's models of other exports, which devices may still
    ask for, and for the audit of the very same graphs.

    Args:
        destination: a new or empty folder, or one that holds an export.
        graphs: as they ship.
        facts: what the manifest tells beside them; the same graphs and facts give the same bytes.

    Returns:
        The manifest as written.

    Raises:
        BundleError: the destination holds other things.
        ExportError: the disk refuses; what was there stays as it was.
    """
    models = {role: strip(getattr(graphs, role)) for role in ROLES}
    bundle_id = identify(serialise(models[role]) for role in ROLES)
    if facts.audit is None:
        facts = replace(facts, audit=_audit_there(destination, bundle_id))
    try:
        with staged(destination) as folder:
            manifest = _write_parts(folder, models, bundle_id, facts)
            _keep_other_models(destination, folder, manifest.model_name)
    except OSError as error:
        raise ExportError(
            f"cannot write {destination}: {error.strerror}; an export that was there stays as it was"
        ) from error
    return manifest


def _write_parts(folder: Path, models: dict[str, onnx.ModelProto], bundle_id: str, facts: Facts) -> Manifest:
    model_name = name_model(facts.name, bundle_id)
    paths = {
        "encoder": folder / "edge" / "encoder.onnx",
        "decoder": folder / "edge" / "decoder.onnx",
        "processing": folder / "cloud" / model_name / "1" / MODEL_FILE,
    }
    ties = {"processing": bundle_id}
    entries = {role: _write_graph(paths[role], role, models[role], ties.get(role)) for role in ROLES}
    manifest = _manifest(bundle_id, model_name, entries, facts)
    write_manifest(folder / "edge", manifest)
    if LOCAL_FALLBACK in facts.export:
        shutil.copyfile(paths["processing"], folder / "edge" / facts.export[LOCAL_FALLBACK])
    write_config(folder / "cloud" / model_name, manifest)
    sizes = {role: path.stat().st_size for role, path in paths.items()}
    write_card(folder / CARD_FILE, manifest, sizes)
    return manifest


def _audit_there(destination: Path, bundle_id: str) -> dict[str, Any] | None:
    """The audit in the bundle that is replaced, where that holds the very same graphs."""
    try:
        former = load_manifest(destination / "edge")
    except BundleError:  # none there, or of a version that cannot be read
        return None
    return former.audit if former.bundle_id == bundle_id else None


def _keep_other_models(destination: Path, folder: Path, model_name: str) -> None:
    for former in sorted(destination.glob("cloud/*/")):
        if former.name != model_name:
            shutil.copytree(former, folder / "cloud" / former.name)


def _write_graph(path: Path, role: str, model: onnx.ModelProto, bundle_id: str | None) -> GraphFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(stamp(model, role=role, bundle_id=bundle_id))
    return describe_graph(path, inputs_of(model), outputs_of(model))


def _manifest(bundle_id: str, model_name: str, entries: dict[str, GraphFile], facts: Facts) -> Manifest:
    image = entries["encoder"].inputs[0]
    height, width, channels = (int(size or 0) for size in image.shape[1:])
    return Manifest(
        format_version=FORMAT_VERSION,
        bundle_id=bundle_id,
        model_name=model_name,
        image=ImageSpec(height, width, channels, image.dtype),
        labels=facts.labels,
        encoder=entries["encoder"],
        decoder=entries["decoder"],
        processing=entries["processing"],
        secret=facts.secret,
        guarantee=facts.guarantee,
        decoy=facts.decoy,
        wire=facts.wire,
        proof=facts.proof,
        network=facts.network,
        training=facts.training,
        export=facts.export,
        audit=facts.audit,
        lineage=facts.lineage,
    )
