"""The bundle: what one export wrote, and what ties its edge and cloud halves together."""

from phasekey.bundle.audited import PrivacyWarning, audit_state, privacy_sentence, state_of
from phasekey.bundle.errors import BundleError
from phasekey.bundle.manifest import (
    FORMAT_VERSION,
    GRAPH_VERSION,
    MANIFEST_FILE,
    Manifest,
    edge_of,
    load_manifest,
)
from phasekey.bundle.parts import (
    ARCHIVE,
    LOCAL_FALLBACK,
    LOCAL_FILE,
    ROTATION,
    UNPROVED,
    DecoySpec,
    GraphFile,
    ImageSpec,
    ProofSpec,
    SecretSpec,
    WireSpec,
)
from phasekey.bundle.schema.check import schema_text
from phasekey.bundle.staging import staged
from phasekey.bundle.tensors import TensorSpec, format_shape
from phasekey.bundle.write import describe_graph, identify, name_model, write_manifest

__all__ = [
    "ARCHIVE",
    "FORMAT_VERSION",
    "GRAPH_VERSION",
    "LOCAL_FALLBACK",
    "LOCAL_FILE",
    "MANIFEST_FILE",
    "ROTATION",
    "UNPROVED",
    "BundleError",
    "DecoySpec",
    "GraphFile",
    "ImageSpec",
    "Manifest",
    "PrivacyWarning",
    "ProofSpec",
    "SecretSpec",
    "TensorSpec",
    "WireSpec",
    "audit_state",
    "describe_graph",
    "edge_of",
    "format_shape",
    "identify",
    "load_manifest",
    "name_model",
    "privacy_sentence",
    "schema_text",
    "staged",
    "state_of",
    "write_manifest",
]
