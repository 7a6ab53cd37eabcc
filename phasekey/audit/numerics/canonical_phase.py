"""A canonical phase for transmissions whose angle nobody told: numpy only."""

import numpy as np

from phasekey.audit.numerics.arrays import Floats
from phasekey.audit.numerics.rotation import parts, turn

ROUNDS = 30  # of the power iteration
SAMPLE = 4000  # transmissions


class Gauge:
    """Turn every x until its component along one fixed direction is real and positive.

    The direction is that in which transmissions have most energy, the mean feature's where that is not
    zero; then the canonical phase is close to the true one but for a constant.
    """

    def __init__(self, x: Floats) -> None:
        values = parts(x[:SAMPLE])
        direction = values[0]
        for _ in range(ROUNDS):
            direction = values.T @ (values.conj() @ direction)
            direction = direction / max(float(np.linalg.norm(direction)), 1e-12)
        self._direction = direction

    def fix(self, x: Floats) -> Floats:
        """Turn transmissions to the canonical phase.

        Args:
            x: pair layout (N, 2C', ...).

        Returns:
            Pair layout (N, 2C', ...).
        """
        return turn(x, -np.angle(parts(x) @ self._direction.conj()))
