"""The bundle: what one export wrote, and what ties its edge and cloud halves together."""

from phasekey.bundle.errors import BundleError
from phasekey.bundle.manifest import FORMAT_VERSION, GRAPH_VERSION, MANIFEST_FILE, Manifest, load_manifest
from phasekey.bundle.parts import (
    ARCHIVE,
    ROTATION,
    UNPROVED,
    DecoySpec,
    GraphFile,
    ImageSpec,
    ProofSpec,
    SecretSpec,
    WireSpec,
)
from phasekey.bundle.schema import schema_text
from phasekey.bundle.staging import staged
from phasekey.bundle.tensors import TensorSpec, format_shape
from phasekey.bundle.write import describe_graph, identify, name_model, write_manifest

__all__ = [
    "ARCHIVE",
    "FORMAT_VERSION",
    "GRAPH_VERSION",
    "MANIFEST_FILE",
    "ROTATION",
    "UNPROVED",
    "BundleError",
    "DecoySpec",
    "GraphFile",
    "ImageSpec",
    "Manifest",
    "ProofSpec",
    "SecretSpec",
    "TensorSpec",
    "WireSpec",
    "describe_graph",
    "format_shape",
    "identify",
    "load_manifest",
    "name_model",
    "schema_text",
    "staged",
    "write_manifest",
]
