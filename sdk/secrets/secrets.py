"""What one batch is hidden by, and how it follows from seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from phasekey.bundle import SecretSpec
from sdk.errors import SdkError
from sdk.secrets.matrices import LAWS, Angles, Matrices, angles, rotations
from sdk.secrets.stream import normal, words, words_for_normal

# The first label of a rotation's stream is as old as the SDK: bundles of format 1 send the x that they did.
_ROTATION_LABEL = b"phasekey/sdk.key/1/stream"


class Unprintable:
    """Shows nothing of itself, and cannot be pickled or copied to where it might be shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(hidden)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise SdkError(f"{type(self).__name__} holds secrets and is not to be pickled or copied.")


class Secrets(Unprintable):
    """What one batch is hidden by.

    Attributes:
        matrix: Q, (N, k, k) float64, orthogonal: one for each sample.
        noise: (N, (k - 1)·Z) float32, standard normal; the encoder makes the decoys of it.
    """

    __slots__ = ("matrix", "noise")

    def __init__(self, matrix: Matrices, noise: npt.NDArray[np.float32]) -> None:
        self.matrix = matrix
        self.noise = noise

    def wipe(self) -> None:
        """Overwrite both arrays; of no use afterwards. What numpy copied on the way is beyond reach."""
        for array in (self.matrix, self.noise):
            if array.flags.writeable:
                array[...] = 0

    @classmethod
    def of_angles(cls, theta: Angles, noise: npt.NDArray[np.float32]) -> Secrets:
        """Give the secrets of rotations by theta (N,), in radians."""
        return cls(rotations(theta), noise)

    @property
    def theta(self) -> Angles:
        """The angles of rotations, (N,) float64, radians in [0, 2π); of use with that kind alone."""
        return angles(self.matrix)


def expand(seeds: Sequence[bytes], noise_size: int, secret: SecretSpec) -> Secrets:
    """Spread each of N seeds into one matrix of the kind and normal numbers for its k - 1 decoys.

    Args:
        seeds: one for each sample, 32 bytes.
        noise_size: Z, normal numbers for one decoy.
        secret: the kind and the number of components k.
    """
    law, numbers = LAWS[secret.kind], (secret.components - 1) * noise_size
    first = law.words(secret.components)
    drawn = words(_label(secret), seeds, first + words_for_normal(numbers))
    matrix = law.draw(drawn[:, :first], secret.components)
    return Secrets(matrix, normal(drawn[:, first:], numbers).astype(np.float32))


def _label(secret: SecretSpec) -> bytes:
    """Keep kinds and sizes apart: nothing of one stream shows in another's matrix."""
    if secret.kind == "rotation":
        return _ROTATION_LABEL
    return f"phasekey/sdk.secrets/2/{secret.kind}/{secret.components}/stream".encode()
