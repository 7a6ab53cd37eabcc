"""One node: its inputs' types in, its outputs' types out."""

from __future__ import annotations

from dataclasses import replace

from export.proof.constants import constant, content_key, fold, is_function
from export.proof.rules import RULES
from export.proof.rules.common import all_invariant, invariant_of
from export.proof.sizes import NotLinear
from export.proof.step import Step
from export.proof.types import Refused, Tensor, Unknown

_COMMUTATIVE = ("Add", "Mul")


def apply(step: Step) -> list[Tensor]:
    """The node's outputs, in order, with their value numbers. Unknown where no rule holds."""
    results = _results(step)
    missing = Tensor(None, Unknown(f"no rule gives this output of {step.op} a type"))
    count = len(step.node.output)  # trailing outputs may be left out
    padded = (results + [missing] * count)[:count]
    return [_numbered(step, tensor, at) for at, tensor in enumerate(padded)]


def _results(step: Step) -> list[Tensor]:
    if any(isinstance(tensor.type, Unknown) for tensor in step.tensors):
        return [Tensor(None, Unknown("it depends on a tensor that could not be typed"))] * len(
            step.node.output
        )
    reason = "its sizes depend on the batch size in a way that cannot be followed"
    try:
        values = fold(step)
        return _by_rule(step) if values is None else [constant(value, -1) for value in values]
    except Refused as refused:
        reason = str(refused)
    except NotLinear:
        pass
    except (ArithmeticError, LookupError, TypeError, ValueError):  # ranks or attributes that do not fit
        reason = f"{step.op} is not formed as its rule expects: {', '.join(map(str, step.tensors))}"
    return _by_default(step, reason)


def _by_rule(step: Step) -> list[Tensor]:
    rule = RULES.get(step.op)
    if rule is None:
        given = ", ".join(str(tensor.type) for tensor in step.tensors)
        raise Refused(f"there is no rule that lets {step.op} act on: {given or 'nothing'}")
    result = rule(step)
    return result if isinstance(result, list) else [result]


def _by_default(step: Step, reason: str) -> list[Tensor]:
    """A function of invariants is invariant, even where its shape is not followed."""
    holds = all_invariant(step.tensors) and is_function(step)
    type_ = invariant_of(step.tensors) if holds else Unknown(reason)
    return [Tensor(None, type_)] * len(step.node.output)


def _numbered(step: Step, tensor: Tensor, output: int) -> Tensor:
    if tensor.number >= 0:
        return tensor
    if tensor.value is not None:
        return replace(tensor, number=step.numbering.number(content_key(tensor.value)))
    numbers = [-1 if given is None else given.number for given in step.inputs]
    if step.op in _COMMUTATIVE:
        numbers.sort()
    return replace(tensor, number=step.numbering.number("node", step.key, output, *numbers))
