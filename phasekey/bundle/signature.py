"""Who vouches for a bundle: an Ed25519 signature (RFC 8032) over the manifest's bytes and a version.

It lies beside the manifest, in ``signature.json``. The manifest holds the SHA-256 of encoder and decoder and
all else that decides X. Needs the extra ``sign``.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from phasekey.bundle.checksums import sha256_of_bytes
from phasekey.bundle.errors import BundleError

SIGNATURE_FILE = "signature.json"
_PREFIX = "ed25519:"
_LABEL = b"phasekey/bundle.signature/1"
_KEY_BYTES = 32
TrustedKey = str | Sequence[str]


class SignatureError(BundleError):
    """A bundle that is not signed as it should be, or too old."""


@dataclass(frozen=True)
class Signature:
    """What stands in ``signature.json``.

    Attributes:
        key: the signer's public key, ``ed25519:`` and base64. Told for people; devices have their own copy.
        version: a whole number that rises with every signature: seconds since 1970, where none is given.
        signature: base64 of 64 bytes.
    """

    key: str
    version: int
    signature: str

    @property
    def when(self) -> str:
        """The version as a time, for people."""
        try:
            return datetime.fromtimestamp(self.version, UTC).strftime("%Y-%m-%d %H:%M UTC")
        except (OverflowError, ValueError, OSError):
            return "no time"


def signed_bytes(manifest: bytes, version: int) -> bytes:
    """What is signed: a label that keeps this use of a key apart, the version, the manifest's SHA-256."""
    return _LABEL + version.to_bytes(8, "big") + bytes.fromhex(sha256_of_bytes(manifest))


def write_public(raw: bytes) -> str:
    """A public key of 32 bytes as ``ed25519:`` and base64."""
    return _PREFIX + base64.b64encode(raw).decode()


def read_public(text: str) -> bytes:
    """The 32 bytes of a public key.

    Raises:
        SignatureError: it is none.
    """
    try:
        raw = base64.b64decode(text.strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not text.strip().startswith(_PREFIX) or len(raw) != _KEY_BYTES:
        raise SignatureError(
            "A trusted key is 'ed25519:' and 44 characters, the line that phasekey sign --new-key prints."
        )
    return raw


def load_signature(folder: Path) -> Signature | None:
    """The signature beside a manifest, unchecked, or None where there is none.

    Raises:
        SignatureError: the file is no signature.
    """
    try:
        fields: Any = json.loads((folder / SIGNATURE_FILE).read_text(encoding="utf-8"))
        found = Signature(fields["key"], fields["version"], fields["signature"])
        whole = isinstance(found.key, str) and isinstance(found.signature, str)
        if not (whole and type(found.version) is int and 0 <= found.version < 2**63):
            raise ValueError
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SignatureError(
            f"{folder / SIGNATURE_FILE} is no signature. Copy the bundle again, or sign it again."
        ) from error
    return found


def verify(folder: Path, manifest: bytes, trusted: TrustedKey, newer_than: int | None) -> Signature:
    """Check that a holder of a trusted key signed these bytes, as a version that is not too old.

    Args:
        folder: the edge folder.
        manifest: the bytes of the manifest, as they are used afterwards.
        trusted: one public key, or several of which one is enough.
        newer_than: the version of which older ones are refused.

    Raises:
        SignatureError: no signature, by another key, of other bytes, or of an older version.
        PhasekeyError: the package ``cryptography`` is not installed.
    """
    keys = [read_public(key) for key in ([trusted] if isinstance(trusted, str) else trusted)]
    found = load_signature(folder)
    if found is None:
        raise SignatureError(
            f"The bundle in {folder} is not signed, and trusted_key= asks for it: who can change the encoder "
            "reads every image. Get it from where it was made, or sign it there: phasekey sign."
        )
    if not any(_holds(key, found, manifest) for key in keys):
        raise SignatureError(
            f"The bundle in {folder} was not signed by a trusted key, or was changed afterwards (an audit "
            "changes it too: sign it again). Do not use it; copy it anew from where it was made."
        )
    if newer_than is not None and found.version < newer_than:
        raise SignatureError(
            f"The bundle in {folder} is of version {found.version} ({found.when}), older than "
            f"{newer_than}: somebody may have put an old one in its place."
        )
    return found


def _holds(key: bytes, found: Signature, manifest: bytes) -> bool:
    from phasekey.command import require_extra  # here: it brings argparse along

    require_extra("sign", "Checking a bundle's signature", ["cryptography"])
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        given = base64.b64decode(found.signature, validate=True)
        Ed25519PublicKey.from_public_bytes(key).verify(given, signed_bytes(manifest, found.version))
    except (InvalidSignature, ValueError):
        return False
    return True
