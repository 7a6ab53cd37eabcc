"""Which elements of an axis are kept, and in which order: what that does to pair and sample."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from export.proof.rules.common import combine, split_factor
from export.proof.rules.movement import moved
from export.proof.sizes import Size, divide, size_of
from export.proof.step import Step
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
    move_sample,
)


@dataclass(frozen=True)
class Span:
    """The elements start … stop - 1 of an axis, where that depends on the batch size."""

    start: Size
    stop: Size


Picks = Span | Array


def select(step: Step, picks: Mapping[int, Picks]) -> Tensor:
    """Input 0 with only the picked elements of each axis named."""
    data, old = step.input(0), step.shape(0)
    new = tuple(_count(picks[axis]) if axis in picks else size for axis, size in enumerate(old))

    def mapped(factor: Factor) -> Factor | None:
        return _kept(factor, picks[factor.axis]) if factor.axis in picks else factor

    if isinstance(data.type, Invariant):
        return Tensor(new, move(_without_copies(data.type, picks), mapped))
    if isinstance(data.type, Component):
        # The outputs of one Split differ in what they pick alone, so that belongs to the key.
        part = combine(step, [data.type], "select", tuple((at, _key(kept)) for at, kept in picks.items()))
        return Tensor(new, move(part, mapped))
    if isinstance(data.type, Paired) and data.type.pair.axis in picks:
        return Tensor(new, _select_in_pair(step, data.type, picks, mapped))
    return moved(step, new, mapped)


def _without_copies(type_: Invariant, picks: Mapping[int, Picks]) -> Invariant:
    """Which copies a selection along their axis leaves equal is not followed."""
    return replace(type_, copies=None) if type_.copies and type_.copies.axis in picks else type_


def _count(picks: Picks) -> Size:
    return picks.stop - picks.start if isinstance(picks, Span) else size_of(len(picks))


def _kept(factor: Factor, picks: Picks) -> Factor | None:
    """Where the factor lies among the picked elements, if it is a whole one there still."""
    if isinstance(picks, Span):
        whole = factor.inner * factor.size
        return factor if all(divide(end, whole) is not None for end in (picks.start, picks.stop)) else None
    inner, size = factor.inner.fixed, factor.size.fixed
    if inner is None or size is None or not len(picks):
        return None
    return _arranged(factor.axis, (picks // inner) % size, size, inner)


def _arranged(axis: int, coordinates: Array, size: int, inner: int) -> Factor | None:
    length = len(coordinates)
    for candidate in dict.fromkeys((inner, length // size, 1)):
        if candidate and length % (candidate * size) == 0:
            regular = (np.arange(length) // candidate) % size
            if np.array_equal(coordinates, regular):
                return Factor(axis, size_of(candidate), size_of(size))
    return None


def _select_in_pair(
    step: Step, type_: Paired, picks: Mapping[int, Picks], mapped: Move
) -> Paired | Component:
    axis = type_.pair.axis
    size = step.group.size
    part = _one_part(type_.pair, step.shape(0)[axis], picks[axis], size)
    if part is not None:
        index, rest = part
        others = tuple((at, _key(kept)) for at, kept in sorted(picks.items()) if at != axis)
        source = step.numbering.number("part", step.input(0).number, axis, rest, others)
        alone = step.group.one_part(type_.kind, source, index)
        return replace(alone, sample=move_sample(type_.sample, mapped))
    result = move(type_, mapped)
    if not isinstance(result, Paired) or not _partners_meet(type_.pair, result.pair, picks[axis], size):
        raise Refused("it pairs a real part with the imaginary part of another element")
    return result


def _key(picks: Picks) -> Hashable:
    return picks if isinstance(picks, Span) else picks.tobytes()


def _one_part(pair: Factor, length: Size, picks: Picks, size: int) -> tuple[int, Hashable] | None:
    """(which part, from 0, which positions) where all picked elements are of the same part."""
    if isinstance(picks, Span):
        if length != pair.inner * size:
            return None
        blocks = [Span(pair.inner * part, pair.inner * (part + 1)) for part in range(size)]
        return (blocks.index(picks), "block") if picks in blocks else None
    inner = pair.inner.fixed
    if inner is None or not len(picks):
        return None
    parts = (picks // inner) % size
    return (int(parts[0]), _position(picks, inner, size).tobytes()) if np.all(parts == parts[0]) else None


def _position(picks: Array, inner: int, size: int) -> Array:
    """Where the picked elements lie once all parts count as one."""
    return np.asarray(picks // (size * inner) * inner + picks % inner, dtype=np.int64)


def _partners_meet(old: Factor, new: Factor, picks: Picks, size: int) -> bool:
    if isinstance(picks, Span):
        return True  # whole pairs, in their old order
    inner = old.inner.fixed
    parts = None if inner is None else split_factor(_position(picks, inner, size), replace(new, axis=0))
    return parts is not None and all(np.array_equal(parts[0], part) for part in parts[1:])
