"""Where factors go, against numpy: each element carries its own coordinate along."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from export.proof.rules.common import split_factor
from export.proof.sizes import shape_of, size_of
from export.proof.types import Factor, relocate


def coordinates(shape, factor: Factor):
    """For each element, its index along the factor."""
    along = np.arange(shape[factor.axis]) // factor.inner.fixed % factor.size.fixed
    return np.broadcast_to(np.expand_dims(along, tuple(range(1, len(shape) - factor.axis))), shape)


@st.composite
def factored(draw):
    """A shape, a factor in it, and another shape of as many elements."""
    axes = draw(st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=3))
    outer, inner = draw(st.sampled_from([1, 2, 3])), draw(st.sampled_from([1, 2, 3]))
    axis = draw(st.integers(0, len(axes) - 1))
    axes[axis] = outer * 2 * inner
    primes = draw(st.permutations(_primes(int(np.prod(axes)))))
    cuts = sorted(draw(st.lists(st.integers(0, len(primes)), max_size=3)))
    new = [int(np.prod(part)) for part in np.split(np.array(primes, dtype=int), cuts)]
    return tuple(axes), Factor(axis, size_of(inner), size_of(2)), tuple(new)


def _primes(number: int) -> list[int]:
    found = []
    for prime in (2, 3):
        while number % prime == 0:
            found.append(prime)
            number //= prime
    return found


@given(factored())
def test_reshape_keeps_the_factor_or_loses_it(case) -> None:
    old, factor, new = case
    moved = relocate(shape_of(old), shape_of(new))(factor)
    carried = coordinates(old, factor).reshape(new)
    if moved is not None:
        np.testing.assert_array_equal(coordinates(new, moved), carried)
    else:
        candidates = [
            Factor(axis, size_of(inner), size_of(2)) for axis in range(len(new)) for inner in range(1, 20)
        ]
        fitting = [c for c in candidates if new[c.axis] % (2 * c.inner.fixed) == 0]
        assert not any(np.array_equal(coordinates(new, c), carried) for c in fitting)


@given(factored())
def test_split_factor_puts_it_first(case) -> None:
    old, factor, _ = case
    value = np.arange(np.prod(old)).reshape(old)
    parts = split_factor(value, factor)
    for part in (0, 1):
        np.testing.assert_array_equal(parts[part].ravel(), value[coordinates(old, factor) == part])
