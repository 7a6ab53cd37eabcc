"""Signing keys on disk: PEM (PKCS #8), for their owner alone; the public half beside them."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from phasekey.bundle.signature import write_public
from phasekey.signing.errors import SigningError

_LARGEST = 65_536  # bytes of a PEM file


def new_key(path: Path) -> str:
    """Make a key pair: FILE, the private half, mode 0600; FILE.pub, the public one.

    Returns:
        The public key, as devices want it.

    Raises:
        SigningError: there is a file already, or it cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(text)
        public_file(path).write_text(public_key(key) + "\n", encoding="utf-8")
    except FileExistsError as error:
        raise SigningError(f"{path} is there already; a key is never overwritten.") from error
    except OSError as error:
        raise SigningError(f"{path} cannot be written: {error.strerror}.") from error
    return public_key(key)


def load_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        SigningError: it cannot be read, is no Ed25519 key in PEM, or others can read it.
    """
    try:
        if not path.is_file():
            raise SigningError(f"No key at {path}. Make one: phasekey sign --new-key {path}")
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise SigningError(f"The key {path} can be read by others than its owner: chmod 600 {path}")
        with path.open("rb") as file:
            key = load_pem_private_key(file.read(_LARGEST), password=None)
    except OSError as error:
        raise SigningError(f"The key {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError) as error:  # TypeError: it is encrypted
        raise SigningError(f"{path} is no unencrypted private key in PEM.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningError(f"{path} holds a key of another kind than Ed25519.")
    return key


def public_key(key: Ed25519PrivateKey) -> str:
    """The public half, as devices want it."""
    return write_public(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def public_file(path: Path) -> Path:
    """Where the public half of the key at this path lies."""
    return path.with_name(path.name + ".pub")
