"""Keys of devices, in OpenSSH's format: who may take part, and who this device is."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)

from phasekey.federated.errors import FederatedError

CURVES = (SECP256R1, SECP384R1, SECP521R1)  # that Flower takes
MAKE = "ssh-keygen -t ecdsa -b 384 -N '' -f"


def authorized_keys(path: Path) -> list[bytes]:
    """Read who may take part.

    Args:
        path: a line for each device, as ssh-keygen writes it to NAME.pub; blank lines and comments (#) are
            left out.

    Returns:
        Public keys as Flower has them: PEM, SubjectPublicKeyInfo, each once.

    Raises:
        FederatedError: the file cannot be read, has no key, or a line of it is none; the line's number is
            named, never its words.
    """
    lines = [line.strip() for line in _read(path).splitlines()]
    kept = {number: line for number, line in enumerate(lines, 1) if line and not line.startswith(b"#")}
    if not kept:
        raise FederatedError(
            f"{str(path)!r} has no key in it: {MAKE} device.key makes one, in device.key.pub"
        )
    return list(
        dict.fromkeys(_public(line, f"{str(path)!r}, line {number}") for number, line in kept.items())
    )


def require_key(path: Path) -> None:
    """Look at the key of this device, which Flower's own program reads.

    Raises:
        FederatedError: it cannot be read, is no private key of a curve that Flower takes, or has a password.
    """
    content = _read(path)
    if os.name == "posix" and path.stat().st_mode & 0o077:
        raise FederatedError(f"{str(path)!r} can be read by others than its owner: chmod 600 {path}")
    try:
        public: object = load_ssh_private_key(content, None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        public = None
    if not _suits(public):
        raise FederatedError(f"{str(path)!r} is no private key that takes part: {MAKE} device.key makes one")


def _public(line: bytes, where: str) -> bytes:
    try:
        key: object = load_ssh_public_key(line)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey) or not _suits(key):
        raise FederatedError(
            f"{where} is no public key that takes part (ECDSA of P-256, 384 or 521): {MAKE} device.key "
            "makes one, in device.key.pub"
        )
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _suits(key: object) -> bool:
    return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, CURVES)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FederatedError(f"cannot read {str(path)!r}: {error.strerror}") from error
