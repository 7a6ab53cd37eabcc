"""Sizes a·N + b against plain numbers: what is said for all N must hold at each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.proof.sizes import (
    BATCH,
    NotLinear,
    Size,
    at_most,
    broadcast,
    clamp,
    divide,
    product,
    shape_of,
    show,
)

BATCHES = range(1, 40)
sizes = st.builds(Size, st.integers(-4, 6), st.integers(-6, 12))


def at(size: Size, n: int) -> int:
    return size.scale * n + size.offset


@given(sizes, sizes)
def test_sums_and_products(left: Size, right: Size) -> None:
    for n in BATCHES:
        assert at(left + right, n) == at(left, n) + at(right, n)
        assert at(left - right, n) == at(left, n) - at(right, n)
    if left.scale and right.scale:
        with pytest.raises(NotLinear):
            left * right
    else:
        assert all(at(left * right, n) == at(left, n) * at(right, n) for n in BATCHES)


@given(sizes, sizes)
def test_division_is_exact_for_every_batch(size: Size, by: Size) -> None:
    quotient = divide(size, by)
    if quotient is not None:
        assert all(at(quotient, n) * at(by, n) == at(size, n) for n in BATCHES)


@given(sizes, sizes)
def test_whole_quotients(size: Size, by: Size) -> None:
    try:
        quotient = size // by
    except NotLinear:
        return
    assert all(at(quotient, n) == at(size, n) // at(by, n) for n in BATCHES if at(by, n))


@given(sizes, sizes)
def test_order(left: Size, right: Size) -> None:
    holds = {at(left, n) <= at(right, n) for n in range(1, 200)}
    try:
        assert holds == {at_most(left, right)}
    except NotLinear:
        assert holds == {True, False} or left.scale != right.scale


@pytest.mark.parametrize(
    ("value", "expected"),
    [(Size(0, -3), Size(0, 0)), (BATCH, BATCH), (Size(3), Size(2)), (Size(1, -1), Size(1, -1))],
)
def test_clamp_to_the_axis(value: Size, expected: Size) -> None:
    assert clamp(value, Size(0, 0), Size(2)) == expected


def test_broadcast_holds_for_every_batch_or_is_refused() -> None:
    assert broadcast([shape_of([BATCH, 3, 1]), shape_of([4])]) == shape_of([BATCH, 3, 4])
    assert broadcast([shape_of([BATCH]), shape_of([2])]) is None
    assert broadcast([shape_of([BATCH]), shape_of([BATCH * 2])]) is None


def test_products_and_how_sizes_are_shown() -> None:
    shape = (BATCH * 2, *shape_of([3, 5]))
    assert product(shape) == Size(30)
    assert show((*shape, Size(1, -1), BATCH)) == "(2N, 3, 5, N-1, N)"
    assert show(None) == "(?)"
