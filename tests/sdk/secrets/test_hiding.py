"""Hiding: a rotation against complex numbers taken literally, and any Q against einsum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sdk import SdkError
from sdk.secrets import hide, reveal
from sdk.secrets.matrices import haar, permutations, rotations


def rotate(feature, decoy, theta):
    """Compute e^{iθ}(a + ib) as the device does."""
    return hide(np.stack([feature, decoy], axis=1), rotations(theta))


def unrotate(h, theta):
    """Compute Re[h e^{-iθ}] as the device does."""
    return reveal(h, rotations(theta))


FINITE = st.floats(-1e3, 1e3, width=32)
ANGLES = st.floats(0, 2 * np.pi, exclude_max=True)


def test_the_device_and_the_training_rotate_alike():
    """The SDK's numpy and the network's torch are two programs for Eq. 2 and 3."""
    import torch

    from phasekey.model.hiding import rotation as training

    rng = np.random.default_rng(0)
    feature, decoy = rng.normal(size=(2, 5, 3, 4, 4)).astype(np.float32)
    theta = rng.uniform(0, 2 * np.pi, 5)
    tensors = (torch.from_numpy(value) for value in (feature, decoy, theta))
    x = rotate(feature, decoy, theta)
    np.testing.assert_allclose(x, training.rotate(*tensors).numpy(), rtol=1e-5, atol=1e-6)
    expected = training.unrotate(torch.from_numpy(x), torch.from_numpy(theta)).numpy()
    np.testing.assert_allclose(unrotate(x, theta), expected, rtol=1e-5, atol=1e-6)


@st.composite
def samples(draw):
    """Feature, decoy and angles of any batch size and number of axes."""
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=4, max_side=5))
    feature, decoy = (draw(hnp.arrays(np.float32, shape, elements=FINITE)) for _ in range(2))
    return feature, decoy, draw(hnp.arrays(np.float64, shape[0], elements=ANGLES))


def complex_rotation(feature, decoy, theta):
    """Compute x = e^{iθ}(a + ib) in complex128, one sample at a time."""
    return np.array(
        [np.exp(1j * t) * (a.astype(complex) + 1j * b) for a, b, t in zip(feature, decoy, theta, strict=True)]
    )


@given(samples())
def test_rotate_is_the_equation(given_):
    x, expected = rotate(*given_), complex_rotation(*given_)
    assert x.dtype == np.float32
    real, imaginary = np.split(x, 2, axis=1)  # real block first
    np.testing.assert_allclose(real, expected.real, rtol=1e-6, atol=1e-4)
    np.testing.assert_allclose(imaginary, expected.imag, rtol=1e-6, atol=1e-4)


@given(samples())
def test_rotate_adds_one_rounding_to_float32_and_no_more(given_):
    expected = complex_rotation(*given_)
    exact = np.concatenate([expected.real, expected.imag], axis=1)
    error = np.abs(rotate(*given_) - exact)
    assert (error <= np.spacing(np.abs(exact).astype(np.float32)) / 2 + 1e-12).all()


@given(samples())
def test_unrotate_is_the_equation(given_):
    """h is any complex tensor here: the feature as its real, the decoy as its imaginary part."""
    real, imaginary, theta = given_
    h = np.concatenate([real, imaginary], axis=1)
    expected = complex_rotation(real, imaginary, -theta).real
    result = unrotate(h, theta)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-4)


@given(samples())
def test_round_trip_gives_the_feature_back(given_):
    feature, decoy, theta = given_
    scale = max(1, np.abs(feature).max(), np.abs(decoy).max())
    np.testing.assert_allclose(unrotate(rotate(feature, decoy, theta), theta), feature, atol=3e-7 * scale)


def test_the_wrong_angle_does_not():
    random = np.random.default_rng(0)
    feature, decoy = random.normal(size=(2, 4, 64)).astype(np.float32)
    theta = np.full(4, 1.0)
    wrong = unrotate(rotate(feature, decoy, theta), theta + np.pi / 2)  # gives the decoy
    np.testing.assert_allclose(wrong, decoy, atol=1e-6)


def test_known_values():
    one, zero = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)
    quarter = np.array([np.pi / 2])
    np.testing.assert_allclose(rotate(one, zero, quarter), [[0, 1]], atol=1e-7)
    np.testing.assert_allclose(rotate(zero, one, quarter), [[-1, 0]], atol=1e-7)
    np.testing.assert_allclose(unrotate(np.float32([[0, 1]]), quarter), [[1]], atol=1e-7)


def drawn_rows(components, shape=(5, 3, 4), seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(shape[0], components, *shape[1:])).astype(np.float32)
    return rows, haar(rng.normal(size=(shape[0], components**2)), components)


@pytest.mark.parametrize("components", [2, 3, 8, 24])
@pytest.mark.parametrize("shape", [(5, 3, 4, 4), (4, 12)])
def test_x_is_q_times_m_and_row_0_comes_back(components, shape):
    rows, matrix = drawn_rows(components, shape)
    x = hide(rows, matrix)
    expected = np.einsum("nij,nj...->ni...", matrix, rows.astype(np.float64))
    assert x.shape == (shape[0], components * shape[1], *shape[2:])
    np.testing.assert_allclose(x, expected.reshape(x.shape), atol=1e-6)
    np.testing.assert_allclose(reveal(x, matrix), rows[:, 0], atol=2e-6)


def test_neither_the_batch_nor_the_company_changes_a_bit_of_x():
    rows, matrix = drawn_rows(8, (64, 3, 4, 4))
    whole = hide(rows, matrix)
    for part in (slice(0, 1), slice(3, 8), slice(63, 64)):
        np.testing.assert_array_equal(hide(rows[part], matrix[part]), whole[part])


@pytest.mark.parametrize("components", [2, 4, 8])
def test_a_permutation_sends_the_rows_untouched_in_secret_order(components):
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(6, components, 3, 4, 4)).astype(np.float32)
    matrix = permutations(rng.integers(0, 2**64, (6, components), np.uint64))
    x = hide(rows, matrix, permuted=True)
    assert x.shape == (6 * components, 3, 4, 4)
    # The same, mixed: then X's blocks are these samples, image by image.
    np.testing.assert_array_equal(hide(rows, matrix).reshape(x.shape), x)
    np.testing.assert_array_equal(reveal(x, matrix, permuted=True), rows[:, 0])


@pytest.mark.parametrize(
    "call",
    [
        lambda: hide(np.zeros((2, 3)), np.zeros((2, 3, 3))),
        lambda: hide(np.zeros((2, 3, 4)), np.zeros((3, 3, 3))),
        lambda: hide(np.zeros((2, 3, 4)), np.zeros((2, 2, 2))),
        lambda: reveal(np.zeros((2, 5)), np.zeros((2, 2, 2))),
        lambda: reveal(np.zeros((2, 4)), np.zeros((1, 2, 2))),
        lambda: reveal(np.zeros((5, 4)), np.zeros((2, 3, 3)), permuted=True),
        lambda: reveal(np.zeros(4), np.zeros((4, 2, 2))),
    ],
)
def test_shapes_that_do_not_fit_are_refused(call):
    with pytest.raises(SdkError, match="N samples of k components each and N matrices"):
        call()


@pytest.mark.parametrize(("count", "components", "size"), [(1, 2, 20_001), (3, 4, 3_001), (40, 2, 1_100)])
def test_stretches_of_any_length_make_the_sums_that_one_pass_makes(count, components, size):
    """Sums are float64, taken in the order of the rows and rounded once, to the last bit."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(count, components, 1, size)).astype(np.float32)
    matrix = haar(rng.normal(size=(count, components**2)), components)
    wanted = np.zeros((count, components, size))
    for j in range(components):
        wanted += matrix[:, :, j, None] * rows[:, None, j, 0].astype(np.float64)
    x = hide(rows, matrix)
    np.testing.assert_array_equal(x, wanted.astype(np.float32))
    alone = np.concatenate([hide(rows[at : at + 1], matrix[at : at + 1]) for at in range(count)])
    np.testing.assert_array_equal(x, alone)
    back = np.stack([reveal(x, matrix, row=row) for row in range(components)], axis=1)
    np.testing.assert_allclose(back, rows, atol=1e-5)
