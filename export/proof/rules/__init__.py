"""The rules: for each ONNX operator, what its output is when its inputs are of these types.

A rule returns the output tensors (their value numbers are filled in by the checker) or raises Refused.
Each module's functions state the condition; everything not stated is refused.
"""

from export.proof.rules import (
    elementwise,
    gathering,
    joining,
    matrices,
    movement,
    quantisation,
    reductions,
    slicing,
    windows,
)
from export.proof.rules.common import Rule

RULES: dict[str, Rule] = {
    **elementwise.RULES,
    **movement.RULES,
    **slicing.RULES,
    **gathering.RULES,
    **joining.RULES,
    **windows.RULES,
    **matrices.RULES,
    **reductions.RULES,
    **quantisation.RULES,
}

__all__ = ["RULES", "Rule"]
