"""How a graph's complex input and output lie in a real tensor."""

from __future__ import annotations

from dataclasses import dataclass

from export.proof.sizes import ONE, Shape, divide, size_of
from export.proof.types import Factor, Kind, Paired, Refused

TWO = size_of(2)


@dataclass(frozen=True)
class Layout:
    """Where real and imaginary parts lie. The default is Phasekey's: (N, 2C, …), real block first.

    Attributes:
        axis: the axis that holds both parts; may be negative. Axis 0 is always the batch.
        interleaved: re, im, re, im, … along that axis, in place of all real parts first.
    """

    axis: int = 1
    interleaved: bool = False

    def type(self, shape: Shape) -> Paired:
        """The type of a rotating tensor of this shape.

        Raises:
            Refused: the shape has no room for pairs there.
        """
        axis = self.axis + len(shape) if self.axis < 0 else self.axis
        half = divide(shape[axis], TWO) if 0 < axis < len(shape) else None
        if half is None:
            raise Refused(f"axis {self.axis} does not hold real and imaginary parts, two of each size")
        sample = None if shape[0] == ONE else Factor(0, ONE, shape[0])
        return Paired(Kind.ROTATES, Factor(axis, ONE if self.interleaved else half, TWO), sample)
