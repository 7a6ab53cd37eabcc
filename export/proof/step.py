"""One node of the graph as the rules see it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from export.proof.group import ROTATIONS, Group
from export.proof.numbering import Numbering
from export.proof.sizes import Shape, Size, shape_of
from export.proof.types import Array, Refused, Tensor


@dataclass(frozen=True)
class Step:
    """A node with what is known of its inputs (None: an optional input that is absent)."""

    node: onnx.NodeProto
    inputs: tuple[Tensor | None, ...]
    opset: int
    numbering: Numbering
    group: Group = ROTATIONS

    @property
    def op(self) -> str:
        """The operator's name, with its domain unless that is ONNX's own."""
        domain = "" if self.node.domain in ("", "ai.onnx") else f"{self.node.domain}::"
        return domain + str(self.node.op_type)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The inputs that are there."""
        return tuple(tensor for tensor in self.inputs if tensor is not None)

    @property
    def key(self) -> tuple[Hashable, ...]:
        """What the node does, apart from its inputs."""
        attributes = sorted(a.SerializeToString(deterministic=True) for a in self.node.attribute)
        return (self.op, self.opset, *attributes)

    def input(self, position: int) -> Tensor:
        """An input that must be there."""
        tensor = self.optional(position)
        if tensor is None:
            raise Refused(f"{self.op} lacks its input {position}")
        return tensor

    def optional(self, position: int) -> Tensor | None:
        """An input, or None where it is absent."""
        return self.inputs[position] if position < len(self.inputs) else None

    def with_input(self, position: int, tensor: Tensor) -> Step:
        """The same node with another tensor for one input."""
        return replace(self, inputs=(*self.inputs[:position], tensor, *self.inputs[position + 1 :]))

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute's value, or the default."""
        for attribute in self.node.attribute:
            if attribute.name == name:
                value = onnx.helper.get_attribute_value(attribute)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def shape(self, position: int) -> Shape:
        """The shape of an input. Raises Refused where it is not known."""
        shape = self.input(position).shape
        if shape is None:
            raise Refused(f"the shape of input {position} is not known, so its layout cannot be followed")
        return shape

    def axis(self, rank: int, default: int | None = None) -> int:
        """The attribute `axis` as a number from 0."""
        return normal_axis(int(self.attribute("axis", default)), rank)

    def sizes(self, position: int) -> Shape:
        """The value of an input that holds sizes, such as Reshape's shape."""
        return shape_of(np.ravel(self.value(position)).tolist())

    def value(self, position: int) -> Array:
        """The value of a constant input. Raises Refused where it is not known."""
        value = self.input(position).value
        if value is None:
            raise Refused(f"input {position} steers {self.op} and must be a constant whose value is known")
        return value

    def integers(self, name: str, position: int) -> list[int] | None:
        """Whole numbers from an attribute (older opsets) or a constant input (newer ones)."""
        attribute = self.attribute(name)
        if attribute is not None:
            return [int(number) for number in np.ravel(attribute)]
        if self.optional(position) is None:
            return None
        return [fixed(size) for size in self.sizes(position)]

    def axes(self, rank: int, position: int) -> tuple[int, ...] | None:
        """The attribute or input `axes`, from 0; None where there is none or it is empty."""
        axes = self.integers("axes", position)
        return tuple(normal_axis(axis, rank) for axis in axes) if axes else None


def fixed(size: Size) -> int:
    """A size as a number. Raises Refused where it depends on the batch."""
    if size.fixed is None:
        raise Refused(f"a number is needed here, not {size}, which depends on the batch size")
    return size.fixed


def normal_axis(axis: int, rank: int) -> int:
    """An axis counted from 0."""
    if not -rank <= axis < rank:
        raise Refused(f"axis {axis} does not exist in a tensor of rank {rank}")
    return axis + rank if axis < 0 else axis
