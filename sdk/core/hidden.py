"""What ``encode`` gives and ``decode`` takes back."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from sdk.secrets import Secrets

Array = np.ndarray[Any, np.dtype[Any]]


class Hidden:
    """Images hidden as x, with what reveals their answer. Shows nothing of it, and cannot be pickled.

    Attributes:
        x: (N, kC, …), or (N·k, C, …) of permutations, in the wire's type: send this.
    """

    def __init__(self, x: Array, secrets: Secrets, images: int) -> None:
        self.x, self._secrets, self._images = x, secrets, images

    def __len__(self) -> int:
        """How many images."""
        return self._images

    def __repr__(self) -> str:
        return f"Hidden({self._images} images, secrets hidden)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("Hidden images hold secrets and cannot be pickled or copied.")
