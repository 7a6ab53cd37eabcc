"""Many rows through something that takes a few at a time, so that memory stays bounded."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.scene.scene import Floats

BATCH = 256  # rows


def in_batches(run: Callable[..., Floats], *arrays: NDArray[Any]) -> Floats:
    """run(part, part, ...) over the rows of arrays of one length N ≥ 1, joined again: (N, ...)."""
    starts = range(0, len(arrays[0]), BATCH)
    return np.concatenate([run(*(array[start : start + BATCH] for array in arrays)) for start in starts])
