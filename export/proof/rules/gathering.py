"""Gather and GatherElements: by positions known beforehand, or computed from the norms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from export.proof.rules.common import Rule, invariant_of, is_invariant, linear, require_equal_along
from export.proof.rules.selection import select
from export.proof.sizes import divide, size_of
from export.proof.step import Step, fixed
from export.proof.types import (
    Array,
    Component,
    Factor,
    Invariant,
    Move,
    Paired,
    Refused,
    Tensor,
    move,
    relocate,
)

_PHASE = "picks elements by an index that turns with the input; compute the index from norms alone"


def gather(step: Step) -> Tensor:
    """Gather: whole slices of one axis."""
    data, index = step.shape(0), step.shape(1)
    axis = step.axis(len(data), 0)
    if not is_invariant(step.input(1)):
        raise Refused(f"Gather {_PHASE}")
    values = step.input(1).value
    if values is not None and data[axis].fixed is not None:
        return _gather_known(step, axis, fixed(data[axis]), values)
    new = (*data[:axis], *index, *data[axis + 1 :])
    return linear(step, 0, new, _past_index(axis, len(index), _rows(step, axis)))


def _gather_known(step: Step, axis: int, length: int, values: Array) -> Tensor:
    flat = np.ravel(values).astype(np.int64)
    if np.any((flat < -length) | (flat >= length)):
        raise Refused(f"Gather picks beyond the end of axis {axis}")
    picked = select(step, {axis: np.where(flat < 0, flat + length, flat)})
    if picked.shape is None or values.ndim == 1:
        return picked
    new = (*picked.shape[:axis], *map(size_of, values.shape), *picked.shape[axis + 1 :])
    type_ = move(picked.type, relocate(picked.shape, new))
    if isinstance(type_, Component):
        type_ = replace(type_, source=step.numbering.number("shaped", type_.source, new))
    return Tensor(new, type_)


def _past_index(axis: int, rank: int, rows: Factor | None) -> Move:
    def mapped(factor: Factor) -> Factor | None:
        if factor.axis == axis:
            return rows
        return replace(factor, axis=factor.axis + rank - 1) if factor.axis > axis else factor

    return mapped


def _rows(step: Step, axis: int) -> Factor | None:
    """Where the sample goes when the axis gathered from holds it: MaxPool's indices stay in their row."""
    data, index = step.input(0).type, step.input(1).type
    sample = data.sample if isinstance(data, Component | Paired) else None
    pointer = index.index if isinstance(index, Invariant) else None
    if sample is None or pointer is None or sample.axis != axis:
        return None
    if isinstance(data, Paired) and data.pair.axis == axis:
        return None
    # Flat element e lies in row e // width, and belongs to sample (row // per_sample) mod N.
    per_sample = divide(sample.inner, pointer.width)
    if per_sample is None or divide(pointer.rows.size, per_sample * sample.size) is None:
        return None
    return Factor(axis + pointer.rows.axis, pointer.rows.inner * per_sample, sample.size)


def gather_elements(step: Step) -> Tensor:
    """GatherElements: of each line along the axis, the elements that an index of the same layout names."""
    data, index = step.shape(0), step.shape(1)
    axis = step.axis(len(data), 0)
    if not is_invariant(step.input(1)):
        raise Refused(f"GatherElements {_PHASE}")

    def mapped(factor: Factor) -> Factor | None:
        same = factor.axis != axis and index[factor.axis] == data[factor.axis]
        return factor if same else None

    type_ = step.input(0).type
    if is_invariant(step.input(0)):
        return Tensor(index, invariant_of(step.tensors))
    if isinstance(type_, Paired) and mapped(type_.pair):
        require_equal_along(step, step.input(1), type_.pair, len(data))
    return linear(step, 0, index, mapped)


RULES: dict[str, Rule] = {"Gather": gather, "GatherElements": gather_elements}
