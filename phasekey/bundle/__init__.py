"""The bundle: what one export wrote, and what ties its edge and cloud halves together."""

from phasekey.bundle.errors import BundleError
from phasekey.bundle.manifest import FORMAT_VERSION, MANIFEST_FILE, Manifest, load_manifest
from phasekey.bundle.parts import UNPROVED, DecoySpec, GraphFile, ImageSpec, ProofSpec, WireSpec
from phasekey.bundle.schema import schema_text
from phasekey.bundle.staging import staged
from phasekey.bundle.tensors import TensorSpec, format_shape
from phasekey.bundle.write import describe_graph, identify, name_model, write_manifest

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST_FILE",
    "UNPROVED",
    "BundleError",
    "DecoySpec",
    "GraphFile",
    "ImageSpec",
    "Manifest",
    "ProofSpec",
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
