"""From three graphs to a bundle on disk: identified, stamped, checksummed, written whole or not at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from export.graphs import Graphs
from export.signature import inputs_of, outputs_of
from export.writing.card import write_card
from export.writing.model_repository import MODEL_FILE, write_config
from export.writing.stamp import serialise, stamp, strip
from phasekey.audit.report.card import CARD_FILE
from phasekey.bundle import (
    FORMAT_VERSION,
    DecoySpec,
    GraphFile,
    ImageSpec,
    Manifest,
    ProofSpec,
    SecretSpec,
    WireSpec,
    describe_graph,
    identify,
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


def write_bundle(destination: Path, graphs: Graphs, facts: Facts) -> Manifest:
    """Write DESTINATION/edge, DESTINATION/cloud and the model card; an older export there is
    replaced as a whole.

    The same graphs and facts give the same bytes. Raises BundleError where it cannot be written.
    """
    models = {role: strip(getattr(graphs, role)) for role in ROLES}
    bundle_id = identify(serialise(models[role]) for role in ROLES)
    model_name = name_model(facts.name, bundle_id)
    with staged(destination) as folder:
        paths = {
            "encoder": folder / "edge" / "encoder.onnx",
            "decoder": folder / "edge" / "decoder.onnx",
            "processing": folder / "cloud" / model_name / "1" / MODEL_FILE,
        }
        ties = {"processing": bundle_id}
        entries = {role: _write_graph(paths[role], role, models[role], ties.get(role)) for role in ROLES}
        manifest = _manifest(bundle_id, model_name, entries, facts)
        write_manifest(folder / "edge", manifest)
        write_config(folder / "cloud" / model_name, manifest)
        sizes = {role: path.stat().st_size for role, path in paths.items()}
        write_card(folder / CARD_FILE, manifest, sizes)
    return manifest


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
    )
