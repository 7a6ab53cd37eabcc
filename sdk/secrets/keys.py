"""Where the secret matrices and the decoys' noise come from.

The matrix and the noise of a sample follow from a secret and the sample itself, by a pseudo-random
function: HMAC-SHA-256 (RFC 2104) gives a seed, SHAKE-256 (FIPS 202) spreads it. So one input always
sends one x. Were the matrix drawn afresh each time, two x of one input would span two planes, and where
these meet lies the feature: the cloud could read it off.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import os
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

from phasekey.bundle import ROTATION, SecretSpec
from sdk.errors import ClientClosed, SdkError
from sdk.secrets.secrets import Secrets, Unprintable, expand

SECRET_BYTES = 32  # length of a secret that is drawn here
MIN_SECRET_BYTES = 16  # shortest secret that is accepted
Array = np.ndarray[Any, np.dtype[Any]]
Origin = Literal["given", "drawn", "kept"]

_SEED_LABEL = b"phasekey/sdk.key/1/seed"  # keeps our use of the secret apart from any other use
_CODE_LABEL = b"phasekey/sdk.secrets/2/input"
_GROUP_LABEL = b"phasekey/sdk.secrets/2/group"
_MOST_BEGUN = 64  # shapes of images, times labels


class KeySource(Protocol):
    """Draws secret matrices and noise for images."""

    def draw(self, images: Array, noise_size: int, secret: SecretSpec) -> Secrets:
        """Draw for a batch: images (N, H, W, C), noise_size numbers for each of the k - 1 decoys."""
        ...


class DerivedKeys(Unprintable):
    """Derives matrix and noise from a secret and each sample: the same input always sends the same x.

    What this leaves open: the cloud can see that an input came again; and near-duplicates (frames of a
    video) are different inputs with unrelated matrices, which the cloud can compare.

    Args:
        secret: at least 16 bytes that only this device knows; None draws 32 from the operating system,
            kept for this object's life and nowhere else.
        context: bytes that keep the draws of one use apart from another's under one secret; the client
            puts the bundle's lineage here.
        origin: where the secret came from, to be told by repr: "given" by the app, or "kept" on this device.

    Raises:
        SdkError: the secret is too short or not bytes.
    """

    __slots__ = ("_begun", "_context", "_keyed", "origin")

    def __init__(
        self, secret: bytes | bytearray | None = None, *, context: bytes = b"", origin: Origin = "given"
    ) -> None:
        self.origin: Origin = "drawn" if secret is None else origin
        # The secret itself is not kept: only HMAC's state, which OpenSSL overwrites when it lets go of it.
        self._keyed: hmac.HMAC | None = hmac.new(
            os.urandom(SECRET_BYTES) if secret is None else _checked(secret), digestmod=hashlib.sha256
        )
        self._context = context
        self._begun: dict[tuple[bytes, str, tuple[int, ...]], hmac.HMAC] = {}  # all but the pixels taken in

    def draw(self, images: Array, noise_size: int, secret: SecretSpec = ROTATION) -> Secrets:
        """Derive the secrets of a batch; each sample's depend on that sample alone."""
        return expand(self._of_images(_SEED_LABEL, images), noise_size, secret)

    def codes(self, images: Array, secret: SecretSpec) -> list[bytes]:
        """What a store knows inputs by, 32 bytes each: the same for the same image, kind and components."""
        kind = f"{secret.kind}/{secret.components}".encode()
        return self._of_images(_CODE_LABEL + kind, images)

    def group_code(self, codes: Sequence[bytes]) -> bytes:
        """What a store knows a group of inputs by that hide each other."""
        code = self._begin(_GROUP_LABEL, *codes[:-1], last=len(codes[-1]))
        code.update(codes[-1])
        return code.digest()

    def _of_images(self, label: bytes, images: Array) -> list[bytes]:
        """HMAC-SHA-256 of the label, the context, and each image's type, shape and pixels, 32 bytes each.

        What images of one shape have in common is taken in once.
        """
        little = images.astype(images.dtype.newbyteorder("<"), copy=False)
        kind = label, little.dtype.str, little.shape[1:]
        begun = self._begun.get(kind)
        if begun is None or self._keyed is None:
            described = repr(kind[1:]).encode()
            begun = self._begin(label, described, last=little.itemsize * math.prod(little.shape[1:]))
            if len(self._begun) < _MOST_BEGUN:
                self._begun[kind] = begun
        return [_finished(begun, image) for image in little]

    def _begin(self, label: bytes, *parts: bytes, last: int) -> hmac.HMAC:
        """HMAC-SHA-256 that has taken in all parts but the last, whose length it has.

        Each part's length goes ahead of it, 8 bytes, big-endian.
        """
        if self._keyed is None:
            raise ClientClosed("These keys were forgotten, as their client was closed. Make a new one.")
        code = self._keyed.copy()
        framed = [len(part).to_bytes(8, "big") + part for part in (label, self._context, *parts)]
        code.update(b"".join([*framed, last.to_bytes(8, "big")]))
        return code

    def forget(self) -> None:
        """Let go of the secret: nothing can be drawn any more. May be called twice."""
        self._keyed = None
        self._begun.clear()

    def __repr__(self) -> str:
        return f"DerivedKeys(secret {self.origin}, hidden)"


class FreshKeys(Unprintable):
    """Draws new matrices and noise from the operating system each time.

    Only for inputs that never repeat: two x of one input give its feature away (see this module's head).
    """

    __slots__ = ()

    def draw(self, images: Array, noise_size: int, secret: SecretSpec = ROTATION) -> Secrets:
        """Draw the secrets of a batch."""
        return expand([os.urandom(SECRET_BYTES) for _ in images], noise_size, secret)


def _finished(begun: hmac.HMAC, last: Array) -> bytes:
    """The code of what was begun, with the last part taken in."""
    code = begun.copy()
    code.update(last.tobytes())
    return code.digest()


def _checked(secret: bytes | bytearray) -> bytes | bytearray:
    if not isinstance(secret, bytes | bytearray):
        raise SdkError(f"The secret must be bytes, not {type(secret).__name__}.")
    if len(secret) < MIN_SECRET_BYTES:
        raise SdkError(
            f"The secret has {len(secret)} bytes; at least {MIN_SECRET_BYTES} are needed, and they must be "
            "random, not a password: take os.urandom(32)."
        )
    if len(set(secret)) == 1:
        raise SdkError("The secret is one byte again and again, which everybody can guess: os.urandom(32).")
    return secret
