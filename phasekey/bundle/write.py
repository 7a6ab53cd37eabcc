"""Writing a bundle: names, checksums, and folders that appear whole or not at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from phasekey.bundle.checksums import sha256_of_file
from phasekey.bundle.errors import BundleError
from phasekey.bundle.manifest import MANIFEST_FILE, Manifest
from phasekey.bundle.parts import GraphFile
from phasekey.bundle.tensors import TensorSpec

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,199}")


def identify(parts: Iterable[bytes]) -> str:
    """Return the id of what these parts make up: the same parts in the same order, the same id.

    Meant for the graphs before the id is stamped into them. Each part's length goes in ahead of it,
    so that no two different lists of parts run into the same bytes.
    """
    digest = hashlib.sha256(b"phasekey.bundle_id/1")
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def name_model(name: str, bundle_id: str) -> str:
    """Return the processing module's name on a server: NAME-<first 12 digits of the id>.

    Raises:
        BundleError: the name holds more than small letters, digits, dots, dashes and underscores.
    """
    if not _NAME.fullmatch(name):
        raise BundleError(
            f"Model name {name!r}: use 1 to 200 small letters, digits, '.', '_' or '-', a letter or digit "
            "first. It becomes a folder's name and a name on servers."
        )
    return f"{name}-{bundle_id[:12]}"


def describe_graph(path: Path, inputs: Iterable[TensorSpec], outputs: Iterable[TensorSpec]) -> GraphFile:
    """Return the manifest's entry for a graph that lies at this path."""
    return GraphFile(path.name, sha256_of_file(path), tuple(inputs), tuple(outputs))


def write_manifest(directory: Path, manifest: Manifest) -> Path:
    """Write ``manifest.json`` into a folder, and return its path.

    Raises:
        BundleError: the manifest would not load again.
    """
    path = directory / MANIFEST_FILE
    path.write_text(manifest.to_json(), encoding="utf-8")
    return path
