"""How a graph's complex input and output lie in a real tensor."""

from __future__ import annotations

from dataclasses import dataclass

from export.proof.group import ROTATIONS, Group
from export.proof.sizes import ONE, Shape, divide, size_of
from export.proof.types import Factor, Kind, Paired, Refused


@dataclass(frozen=True)
class Layout:
    """Where a sample's parts lie. The default is Phasekey's: (N, kC, …), block 1 first.

    Attributes:
        axis: the axis that holds all parts; may be negative. Axis 0 is always the batch.
        interleaved: re, im, re, im, … along that axis, in place of all real parts first.
    """

    axis: int = 1
    interleaved: bool = False

    def type(self, shape: Shape, group: Group = ROTATIONS) -> Paired:
        """The type of a tensor of this shape that turns with the group.

        Raises:
            Refused: the shape has no room for its parts there.
        """
        axis = self.axis + len(shape) if self.axis < 0 else self.axis
        size = size_of(group.size)
        block = divide(shape[axis], size) if 0 < axis < len(shape) else None
        if block is None:
            raise Refused(f"axis {self.axis} does not hold {group.parts}, all of one size")
        sample = None if shape[0] == ONE else Factor(0, ONE, shape[0])
        return Paired(Kind.ROTATES, Factor(axis, ONE if self.interleaved else block, size), sample)
