"""The manifest: what is in a bundle, and which processing module it belongs to.

A manifest is JSON, described by ``schema.json`` beside this file. It carries a checksum of itself and
the SHA-256 of each graph, so that damage shows on loading and not as a strange prediction.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from phasekey.bundle.audited import audit_state, privacy_sentence
from phasekey.bundle.checksums import sha256_of_bytes, sha256_of_file
from phasekey.bundle.consistency import find_contradiction
from phasekey.bundle.errors import BundleError
from phasekey.bundle.parts import (
    ROTATION,
    DecoySpec,
    GraphFile,
    ImageSpec,
    ProofSpec,
    SecretSpec,
    WireSpec,
)
from phasekey.bundle.schema.check import validate
from phasekey.bundle.signature import TrustedKey, verify
from phasekey.bundle.tensors import TensorSpec

FORMAT_VERSION = 2
_READ = (1, FORMAT_VERSION)
# Of the graphs' own metadata, which did not change: bytes of the encoder are the context of a device's keys,
# and a checkpoint exported again must send the x that it sent (docs/adr/0006).
GRAPH_VERSION = 1
MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """All that a device must know about its bundle. Field by field: ``schema.json``."""

    format_version: int
    bundle_id: str
    model_name: str
    image: ImageSpec
    labels: tuple[str, ...]
    encoder: GraphFile
    decoder: GraphFile
    processing: GraphFile
    decoy: DecoySpec
    wire: WireSpec
    proof: ProofSpec
    network: dict[str, Any]
    training: dict[str, Any]
    export: dict[str, Any]
    audit: dict[str, Any] | None = None
    secret: SecretSpec = ROTATION
    guarantee: dict[str, Any] | None = None
    lineage: str | None = None

    @property
    def key_context(self) -> bytes:
        """What ties a device's keys to the encoder: its lineage, by default the encoder's own checksum."""
        return (self.lineage or self.encoder.sha256).encode()

    @property
    def nats_per_transmission(self) -> float | None:
        """What one x tells the cloud about the image at most, in nats, or None where no bound is stated."""
        bounded = self.guarantee is not None and self.guarantee["kind"] == "nats"
        return float(self.guarantee["nats_per_transmission"]) if self.guarantee and bounded else None

    @property
    def privacy_warning(self) -> str | None:
        """What is said of the audit at every start, or None where there is nothing to say."""
        return privacy_sentence(audit_state(self.audit), self.audit, promises=self.guarantee is not None)

    def to_json(self) -> str:
        """Write the manifest as JSON, in its own format version: the same manifest, the same text.

        Raises:
            BundleError: the parts contradict each other or the schema, or hold what JSON cannot.
        """
        try:
            fields = json.loads(_canonical(_fields(self)))
        except (TypeError, ValueError) as error:
            raise BundleError(f"The manifest holds a value that JSON cannot: {error}.") from error
        document = {**fields, "checksum": _checksum(fields)}
        text = json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        Manifest.from_json(text)  # what would not load is not written
        return text

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest.

        Raises:
            BundleError: not JSON, another format version, a field that is missing or wrong, parts that
                contradict each other, or a text that was changed after it was written.
        """
        document = _parse(text)
        _check_version(document)
        validate(_upgraded(document))
        fields = {name: value for name, value in document.items() if name != "checksum"}
        if document["checksum"] != _checksum(fields):
            raise BundleError(
                "The manifest does not match its own checksum: it was damaged or edited after the export. "
                "Copy the bundle again, or export again."
            )
        manifest = _build({**_upgraded(fields), "format_version": fields["format_version"]})
        _check_consistency(manifest)
        return manifest


def edge_of(folder: Path) -> Path:
    """The folder with the manifest: the one given, or `edge` in it. Of none, the one given."""
    folder = Path(folder)
    inside = folder / "edge"
    return inside if not _has_manifest(folder) and _has_manifest(inside) else folder


def _has_manifest(folder: Path) -> bool:
    return (folder / MANIFEST_FILE).is_file()


def load_manifest(
    directory: Path, *, trusted_key: TrustedKey | None = None, newer_than: int | None = None
) -> Manifest:
    """Read the manifest of an edge bundle, and check the encoder and decoder against it.

    Args:
        directory: the folder with ``manifest.json``, ``encoder.onnx`` and ``decoder.onnx``.
        trusted_key: public keys, of one of which it must be signed; None asks for no signature.
        newer_than: the version that it must have at least, as signed.

    Raises:
        BundleError: no bundle there, or one that is damaged, of another format version, or not trusted.
    """
    if newer_than is not None and trusted_key is None:
        raise BundleError(
            "newer_than= asks for a version that only a signature vouches for: give trusted_key=."
        )
    directory = Path(directory)
    path = directory / MANIFEST_FILE
    try:
        content = path.read_bytes()
        if trusted_key is not None:
            verify(directory, content, trusted_key, newer_than)
        text = content.decode("utf-8")
    except FileNotFoundError as error:
        raise BundleError(
            f"No bundle at {directory}: it holds no {MANIFEST_FILE}. Give an export, or its 'edge' folder."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path} cannot be read as UTF-8 text. Copy the bundle again.") from error
    try:
        manifest = Manifest.from_json(text)
    except BundleError as error:
        raise BundleError(f"{path}: {error}") from error
    for graph in (manifest.encoder, manifest.decoder):
        _verify(directory / graph.file, graph.sha256)
    return manifest


def _verify(path: Path, expected: str) -> None:
    try:
        found = sha256_of_file(path)
    except OSError as error:
        raise BundleError(f"{path} is missing or cannot be read. Copy the bundle again.") from error
    if found != expected:
        raise BundleError(
            f"{path} is damaged or comes from another export: its SHA-256 starts with {found[:12]}, the "
            f"manifest says {expected[:12]}. Copy the whole bundle again, or export again."
        )


def _parse(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BundleError("The manifest is not JSON: it is damaged or cut short. Copy it again.") from error
    if not isinstance(document, dict):
        raise BundleError("The manifest must be a JSON object. Copy it again.")
    return document


def _check_version(document: dict[str, Any]) -> None:
    version = document.get("format_version")
    if type(version) is int and version not in _READ:
        advice = "Update phasekey on this device" if version > FORMAT_VERSION else "Export again"
        raise BundleError(
            f"The bundle is of format version {version}; this phasekey reads versions 1 and "
            f"{FORMAT_VERSION}. {advice}, so that both are of one version."
        )


# What format 2 added, as every bundle of format 1 has it.
_ADDED: dict[str, Any] = {"secret": asdict(ROTATION), "guarantee": None}
_ADDED_TO_DECOY: dict[str, Any] = {"sigma": 1.0}


def _upgraded(fields: dict[str, Any]) -> dict[str, Any]:
    """A document of format 1 as one of format 2; anything else as it is."""
    if type(fields.get("format_version")) is not int or fields["format_version"] != 1:
        return fields
    added, decoy = {**_ADDED, "format_version": FORMAT_VERSION}, fields.get("decoy")
    if isinstance(decoy, dict):
        added["decoy"] = {**decoy, **_ADDED_TO_DECOY}
    return {**fields, **added}


def _fields(manifest: Manifest) -> dict[str, Any]:
    fields = asdict(manifest)
    if manifest.lineage is None:  # devices that know of none read the others
        del fields["lineage"]
    if manifest.format_version == 1:
        for name in _ADDED:
            del fields[name]
        for name in _ADDED_TO_DECOY:
            del fields["decoy"][name]
    return fields


def _canonical(fields: dict[str, Any]) -> str:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _checksum(fields: dict[str, Any]) -> str:
    try:
        return sha256_of_bytes(_canonical(fields).encode())
    except ValueError as error:  # NaN, which Python's JSON reads; or a lone surrogate
        raise BundleError("The manifest holds a number or text that JSON does not allow.") from error


def _check_consistency(manifest: Manifest) -> None:
    contradiction = find_contradiction(
        image=manifest.image,
        secret=manifest.secret,
        guarantee=manifest.guarantee,
        decoy=manifest.decoy,
        wire=manifest.wire,
        classes=len(manifest.labels),
        encoder=manifest.encoder,
        processing=manifest.processing,
        decoder=manifest.decoder,
    )
    if not manifest.model_name.endswith("-" + manifest.bundle_id[:12]):
        contradiction = f"model_name {manifest.model_name!r} does not end in the bundle_id's first 12 digits."
    if contradiction:
        raise BundleError(f"The manifest contradicts itself: {contradiction} Export again.")


def _build(fields: dict[str, Any]) -> Manifest:
    graphs = {role: _build_graph(fields[role]) for role in ("encoder", "decoder", "processing")}
    kinds = {
        "image": ImageSpec, "secret": SecretSpec, "decoy": DecoySpec, "wire": WireSpec, "proof": ProofSpec
    }  # fmt: skip
    parts = {name: kind(**fields[name]) for name, kind in kinds.items()}
    return Manifest(**{**fields, **graphs, **parts, "labels": tuple(fields["labels"])})


def _build_graph(fields: dict[str, Any]) -> GraphFile:
    inputs, outputs = (
        tuple(TensorSpec(spec["name"], spec["dtype"], tuple(spec["shape"])) for spec in fields[side])
        for side in ("inputs", "outputs")
    )
    return GraphFile(fields["file"], fields["sha256"], inputs, outputs)
