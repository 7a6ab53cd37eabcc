"""Signing a bundle: everything is checked first, then one file is written beside the manifest."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from phasekey.bundle import MANIFEST_FILE, edge_of, load_manifest
from phasekey.bundle.errors import BundleError
from phasekey.bundle.signature import SIGNATURE_FILE, Signature, load_signature, signed_bytes
from phasekey.files import write_whole
from phasekey.signing.errors import SigningError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# The entry of an ONNX tensor whose values lie in another file, which no checksum of this one covers.
_EXTERNAL = b"\x0a\x08location"


def sign_bundle(folder: Path, key: Ed25519PrivateKey, version: int | None = None) -> Signature:
    """Sign a bundle in place.

    Args:
        folder: the export, or its edge folder.
        key: the private key.
        version: a whole number above that of the signature it replaces; None takes the seconds since 1970.

    Raises:
        BundleError: no whole bundle there.
        SigningError: the version does not rise, or a graph refers to other files.
    """
    from phasekey.signing.keys import public_key

    edge = edge_of(folder)
    content = (edge / MANIFEST_FILE).read_bytes() if (edge / MANIFEST_FILE).is_file() else b""
    manifest = load_manifest(edge)
    for graph in (manifest.encoder, manifest.decoder):
        if _EXTERNAL in (edge / graph.file).read_bytes():
            raise SigningError(f"{graph.file} keeps weights in another file, which no checksum covers.")
    version = _risen(edge, version)
    signature = key.sign(signed_bytes(content, version))
    signed = Signature(public_key(key), version, base64.b64encode(signature).decode())
    text = json.dumps(asdict(signed), indent=2) + "\n"
    write_whole(edge / SIGNATURE_FILE, text.encode(), error=SigningError)
    return signed


def _risen(edge: Path, version: int | None) -> int:
    try:
        former = load_signature(edge)
    except BundleError:  # damaged: it is replaced
        former = None
    least = 0 if former is None else former.version + 1
    if version is None:
        return max(int(time.time()), least)
    if not least <= version < 2**63:
        raise SigningError(f"--version-number must be {least} or more here: versions rise, or are no use.")
    return version
