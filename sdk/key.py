"""Where the angles and the decoys' noise come from.

The angle and the noise of a sample follow from a secret and the sample itself, by a pseudo-random
function: HMAC-SHA-256 (RFC 2104) gives a seed, SHAKE-256 (FIPS 202) spreads it. So one input always
sends one x. Were the angle drawn afresh each time, two x of one input would span two planes, and where
these meet lies the feature: the cloud could read it off.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from typing import Any, Literal, NoReturn, Protocol

import numpy as np
import numpy.typing as npt

from sdk.errors import SdkError

SECRET_BYTES = 32  # length of a secret that is drawn here
MIN_SECRET_BYTES = 16  # shortest secret that is accepted
Array = np.ndarray[Any, np.dtype[Any]]

_SEED_LABEL = b"phasekey/sdk.key/1/seed"  # keeps our use of the secret apart from any other use
_STREAM_LABEL = b"phasekey/sdk.key/1/stream"


class _Unprintable:
    """Shows nothing of itself, and cannot be pickled or copied to where it might be shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(hidden)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise SdkError(f"{type(self).__name__} holds secrets and is not to be pickled or copied.")


class Secrets(_Unprintable):
    """What one batch is hidden by.

    Attributes:
        theta: (N,) float64, radians in [0, 2π).
        noise: (N, Z) float32, standard normal; the encoder makes the decoys of it.
    """

    __slots__ = ("noise", "theta")

    def __init__(self, theta: npt.NDArray[np.float64], noise: npt.NDArray[np.float32]) -> None:
        self.theta = theta
        self.noise = noise


class KeySource(Protocol):
    """Draws angles and noise for images."""

    def draw(self, images: Array, noise_size: int) -> Secrets:
        """Draw for a batch: images (N, H, W, C), noise_size numbers of noise for each."""
        ...


class DerivedKeys(_Unprintable):
    """Derives angle and noise from a secret and each sample: the same input always sends the same x.

    What this leaves open: the cloud can see that an input came again; and near-duplicates (frames of a
    video) are different inputs with unrelated angles, which the cloud can compare.

    Args:
        secret: at least 16 bytes that only this device knows; None draws 32 from the operating system,
            kept for this object's life and nowhere else.
        context: bytes that keep the draws of one use apart from another's under one secret; the client
            puts the encoder's checksum here.

    Raises:
        SdkError: the secret is too short or not bytes.
    """

    __slots__ = ("_context", "_secret", "origin")

    def __init__(self, secret: bytes | None = None, *, context: bytes = b"") -> None:
        self.origin: Literal["given", "drawn"] = "drawn" if secret is None else "given"
        self._secret = os.urandom(SECRET_BYTES) if secret is None else _checked(secret)
        self._context = context

    def draw(self, images: Array, noise_size: int) -> Secrets:
        """Derive the secrets of a batch; each sample's depend on that sample alone."""
        return _expand([self._seed(image) for image in images], noise_size)

    def _seed(self, image: Array) -> bytes:
        little = image.astype(image.dtype.newbyteorder("<"), copy=False)
        head = repr((little.dtype.str, little.shape)).encode()
        code = hmac.new(self._secret, digestmod=hashlib.sha256)
        for part in (_SEED_LABEL, self._context, head, little.tobytes()):
            code.update(len(part).to_bytes(8, "big"))
            code.update(part)
        return code.digest()

    def __repr__(self) -> str:
        return f"DerivedKeys(secret {self.origin}, hidden)"


class FreshKeys(_Unprintable):
    """Draws new angles and noise from the operating system each time.

    Only for inputs that never repeat: two x of one input give its feature away (see this module's head).
    """

    __slots__ = ()

    def draw(self, images: Array, noise_size: int) -> Secrets:
        """Draw the secrets of a batch."""
        return _expand([os.urandom(SECRET_BYTES) for _ in images], noise_size)


def _checked(secret: bytes) -> bytes:
    if not isinstance(secret, bytes | bytearray):
        raise SdkError(f"The secret must be bytes, not {type(secret).__name__}.")
    if len(secret) < MIN_SECRET_BYTES:
        raise SdkError(
            f"The secret has {len(secret)} bytes; at least {MIN_SECRET_BYTES} are needed, and they must be "
            "random, not a password: take os.urandom(32)."
        )
    return bytes(secret)


def _expand(seeds: Sequence[bytes], noise_size: int) -> Secrets:
    """Spread each seed into one angle and `noise_size` normal numbers."""
    width = 1 + 2 * ((noise_size + 1) // 2)  # words of 8 bytes: the angle's, then pairs for the noise
    streams = [hashlib.shake_256(_STREAM_LABEL + seed).digest(8 * width) for seed in seeds]
    words = np.frombuffer(b"".join(streams), "<u8").reshape(len(seeds), width)
    return Secrets(2 * np.pi * _uniform(words[:, 0]), _normal(words[:, 1:], noise_size))


def _uniform(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Turn 64 random bits into a number in [0, 1), a multiple of 2^-53."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _normal(words: npt.NDArray[np.uint64], count: int) -> npt.NDArray[np.float32]:
    """Turn pairs of uniform numbers into pairs of normal ones (Box and Muller 1958)."""
    first, second = np.split(_uniform(words), 2, axis=1)
    radius = np.sqrt(-2 * np.log1p(-first))  # 1 - u lies in (0, 1]: the logarithm is finite
    angle = 2 * np.pi * second
    normal = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return normal[:, :count].astype(np.float32)
