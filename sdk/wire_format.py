"""x from float32 to the type that travels, and h back (docs/adr/0020).

Pure numpy. Hiding itself stays in full precision; what is rounded here is x, which the cloud sees
anyway. The other half of the conversion lies inside the cloud's graph.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from phasekey.bundle import WireSpec
from sdk.errors import SdkError

Array = np.ndarray[Any, np.dtype[Any]]
Floats = npt.NDArray[np.float32]

_ROUNDS_TO_INFINITY = 65_520  # float16's largest number is 65,504; from half a step above it on
LARGEST_INT8 = 127  # -128 stays unused: both signs have the same room


def to_wire(x: Floats, wire: WireSpec, components: int = 2) -> Array:
    """Convert x for the way up.

    Args:
        x: (N, kC, …) float32, k blocks.
        wire: the bundle's wire.
        components: k; 1 where components travel as samples by themselves.

    Returns:
        The same shape in the wire's type. For int8, where |x|, over its k components, is beyond the range it
        is shortened to the range's end and keeps its direction; clipping each component would turn it.

    Raises:
        SdkError: a value is beyond what float16 holds, or for int8 not finite.
    """
    if wire.dtype == "float16":
        return _to_float16(x)
    if wire.x_scale is not None:
        return _to_int8(x, wire.x_scale, components)
    return x


def from_wire(h: Array, wire: WireSpec) -> Floats:
    """Convert h, (N, kD, …) in the wire's type, to float32."""
    values: Floats = h.astype(np.float32, copy=False)
    return values if wire.h_scale is None else values * np.float32(wire.h_scale)


def _to_float16(x: Floats) -> Array:
    largest, least = np.maximum.reduce(x, axis=None, initial=0), np.minimum.reduce(x, axis=None, initial=0)
    if not (largest < _ROUNDS_TO_INFINITY and least > -_ROUNDS_TO_INFINITY):  # NaN is on neither side
        raise SdkError(
            f"A feature of this input is beyond {np.finfo(np.float16).max:.0f}, the largest that float16 "
            "holds; nothing was sent. Export the model again with --wire float32."
        )
    return x.astype(np.float16)


def _to_int8(x: Floats, scale: float, components: int) -> Array:
    with np.errstate(over="ignore"):
        steps = (x / np.float32(scale)).reshape(len(x), components, -1)
        norm = np.abs(np.hypot.reduce(steps, axis=1, keepdims=True))
    if not np.isfinite(norm).all():
        raise SdkError(
            "A feature of this input is not a finite number; nothing was sent. Export the model again."
        )
    shorten = LARGEST_INT8 / np.maximum(norm, LARGEST_INT8)
    steps_taken: Array = np.rint(steps * shorten).astype(np.int8).reshape(x.shape)
    return steps_taken
