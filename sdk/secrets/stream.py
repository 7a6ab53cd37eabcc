"""From a seed to numbers: SHAKE-256 (FIPS 202) spreads it into words, words become uniform and normal.

Pure, and the same on every machine up to the last bits of log, sin and cos.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
Doubles = npt.NDArray[np.float64]


def words(label: bytes, seeds: Sequence[bytes], count: int) -> Words:
    """Spread each of N seeds into `count` words of 64 bits, (N, count); other labels, unrelated words."""
    streams = [hashlib.shake_256(label + seed).digest(8 * count) for seed in seeds]
    return np.frombuffer(b"".join(streams), "<u8").reshape(len(seeds), count)


def words_for_normal(count: int) -> int:
    """How many words `count` normal numbers take: whole pairs."""
    return 2 * ((count + 1) // 2)


def uniform(drawn: Words) -> Doubles:
    """Turn 64 random bits into a number in [0, 1), a multiple of 2^-53."""
    return (drawn >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(drawn: Words, count: int) -> Doubles:
    """Turn words (N, words_for_normal(count)) into standard normal numbers (N, count).

    Box and Muller (1958): the first half of the words gives radii, the second half angles.
    """
    both, half = uniform(drawn), drawn.shape[1] // 2
    radius = np.sqrt(-2 * np.log1p(-both[:, :half]))  # 1 - u lies in (0, 1]: the logarithm is finite
    angle = 2 * np.pi * both[:, half:]
    np.multiply(radius, np.cos(angle), out=both[:, :half])
    np.multiply(radius, np.sin(angle), out=both[:, half:])
    return both[:, :count]
