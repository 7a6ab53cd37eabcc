"""How many positions a sliding window has: the sizes that Conv and the pools give."""

from __future__ import annotations

from export.proof.sizes import Shape, shape_of
from export.proof.step import Step, fixed
from export.proof.types import Refused


def window_shape(step: Step, positions: Shape, kernel: tuple[int, ...]) -> Shape:
    """The spatial sizes of the result. Raises Refused where an input size is open or a size is in doubt."""
    rank = len(kernel)
    strides = step.attribute("strides", [1] * rank)
    dilations = step.attribute("dilations", [1] * rank)
    pads = step.attribute("pads", [0] * (2 * rank))
    if len(positions) != rank or not len(strides) == len(dilations) == len(pads) // 2 == rank:
        raise Refused(f"{step.op} has attributes that do not fit its input")
    spans = [dilation * (size - 1) + 1 for size, dilation in zip(kernel, dilations, strict=True)]
    return shape_of(
        _positions(step, fixed(size), spans[at], strides[at], pads[at] + pads[at + rank])
        for at, size in enumerate(positions)
    )


def _positions(step: Step, size: int, span: int, stride: int, padding: int) -> int:
    auto = step.attribute("auto_pad", "NOTSET")
    if auto.startswith("SAME"):
        return -(-size // stride)
    room = size + (0 if auto == "VALID" else padding) - span
    whole, rest = divmod(room, stride)
    if rest and step.attribute("ceil_mode", 0):
        raise Refused("ceil_mode with a window that does not fit: runtimes differ; use explicit padding")
    return whole + 1
