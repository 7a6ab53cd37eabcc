"""Pickles of plain values and uint8 arrays, as CIFAR's python archives hold them, read without running code.

A pickle may name any callable to be called. Here each of the three names that those files need stands
for an object of our own that only takes notes; any other name ends the reading.
"""

import io
import math
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from phasekey.training.errors import TrainingError


def load_plain_pickle(content: bytes, name: str) -> dict[str, Any]:
    """A pickled dictionary of numbers, text, lists and uint8 arrays; text of Python 2 comes as str.

    Raises TrainingError, naming the file, where it is damaged or cut short, or asks for anything else.
    """
    try:
        value = _PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
        plain = {_text(key): _plain(item) for key, item in value.items()}
    except _RefusedError as error:
        raise TrainingError(
            f"{name!r} asks for {error} to be run: no data set does; refused. Get the archive from its "
            "official page"
        ) from None
    # A broken pickle raises UnpicklingError, EOFError, ValueError, KeyError, ... wherever it breaks.
    except Exception as error:
        raise TrainingError(
            f"cannot read {name!r} as a pickle of data: damaged or cut short; download the archive again"
        ) from error
    return plain


class _RefusedError(Exception):
    """The name that a pickle asked for."""


class _Type:
    """Stands for numpy's dtype; only unsigned bytes are data here."""

    def __init__(self, code: Any, *_: Any) -> None:
        if _text(code) not in {"u1", "uint8", "|u1"}:
            raise ValueError(f"an array of {code!r}")

    def __setstate__(self, state: Any) -> None:
        """Byte order and the like, which unsigned bytes have none of."""


class _Array:
    """Stands for numpy's ndarray, which is filled by a state of (version, shape, type, order, bytes)."""

    def __init__(self, *_: Any) -> None:
        self.values: NDArray[np.uint8] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, fortran, content = state
        if not isinstance(kind, _Type):
            raise TypeError("an array without a type")
        if len(content) != math.prod(shape):
            raise ValueError("an array of another size than its content")
        self.values = np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran else "C")


_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,  # rewritten by numpy 2
    ("numpy", "ndarray"): "ndarray",  # an argument of _reconstruct, never called
    ("numpy", "dtype"): _Type,
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _NAMES[module, name]
        except KeyError:
            raise _RefusedError(f"{module}.{name}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, _Array):
        if value.values is None:
            raise ValueError("an array without content")
        return value.values
    if isinstance(value, list):
        return [_text(item) if isinstance(item, str | bytes) else item for item in value]
    return _text(value) if isinstance(value, str | bytes) else value


def _text(value: Any) -> str:
    if isinstance(value, str | bytes):
        return value if isinstance(value, str) else value.decode("latin-1")
    raise TypeError("a key that is no text")
