"""The rotation against complex numbers taken literally."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sdk import SdkError
from sdk.rotation import rotate, unrotate

FINITE = st.floats(-1e3, 1e3, width=32)
ANGLES = st.floats(0, 2 * np.pi, exclude_max=True)


def test_the_device_and_the_training_rotate_alike():
    """The SDK's numpy and the network's torch are two programs for Eq. 2 and 3."""
    import torch

    from phasekey.model import rotation as training

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


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: rotate(np.zeros((2, 3)), np.zeros((2, 4)), np.zeros(2)), "one shape"),
        (lambda: rotate(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(3)), r"\(2, 3\) and \(3,\)"),
        (lambda: rotate(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 1))), "N angles"),
        (lambda: rotate(np.zeros(2), np.zeros(2), np.zeros(2)), "N angles"),
        (lambda: unrotate(np.zeros((2, 3)), np.zeros(2)), "even number of channels, got 3"),
        (lambda: unrotate(np.zeros((2, 4)), np.zeros(1)), "N angles"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(call, said):
    with pytest.raises(SdkError, match=said):
        call()
