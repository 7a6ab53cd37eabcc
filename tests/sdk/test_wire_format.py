"""The device's end of the wire: against plain complex arithmetic, and where the range ends."""

import numpy as np
import pytest

from phasekey.bundle import WireSpec
from sdk import SdkError
from sdk.wire_format import from_wire, to_wire

FLOAT32 = WireSpec("float32", None, None, {})
FLOAT16 = WireSpec("float16", None, None, {})
INT8 = WireSpec("int8", 0.05, 0.2, {})
REACH = 127 * 0.05


def pairs(count=4, channels=3, size=5, spread=2.0, seed=0):
    values = np.random.default_rng(seed).normal(size=(count, 2 * channels, size, size)) * spread
    return values.astype(np.float32)


def as_complex(pair):
    real, imaginary = np.split(pair.astype(np.float64), 2, axis=1)
    return real + 1j * imaginary


def test_float32_is_left_as_it_is():
    x = pairs()
    assert to_wire(x, FLOAT32) is x
    assert from_wire(x, FLOAT32) is x


def test_float16_rounds_to_the_nearest():
    x = pairs()
    sent = to_wire(x, FLOAT16)
    assert sent.dtype == np.float16
    assert np.abs(sent.astype(np.float64) - x).max() <= np.abs(x).max() * 2**-11
    back = from_wire(sent, FLOAT16)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, sent)


@pytest.mark.parametrize("value", [65_520.0, -65_520.0, -70_000.0, np.inf, np.nan])
def test_beyond_float16_nothing_is_sent(value):
    x = pairs()
    x[1, 2, 3, 4] = value
    with pytest.raises(SdkError, match=r"beyond 65504, .*nothing was sent.*--wire float32") as caught:
        to_wire(x, FLOAT16)
    assert f"{abs(value):.0f}" not in str(caught.value)


@pytest.mark.parametrize("value", [65_519.996, -65_519.996])
def test_what_rounds_to_the_largest_of_float16_is_still_sent(value):
    x = np.full((1, 2, 1, 1), value, np.float32)
    np.testing.assert_array_equal(np.abs(to_wire(x, FLOAT16)).astype(np.float32), 65_504)


def test_the_largest_of_float16_is_still_sent():
    x = np.full((1, 2, 1, 1), 65_504, np.float32)
    np.testing.assert_array_equal(to_wire(x, FLOAT16).astype(np.float32), x)


@pytest.mark.parametrize("shape", [(4, 6, 5, 5), (400, 6)])
def test_int8_is_off_by_half_a_step_within_the_range(shape):
    x = np.random.default_rng(1).uniform(-REACH / 1.5, REACH / 1.5, shape).astype(np.float32)
    sent = to_wire(x, INT8)
    assert sent.dtype == np.int8
    assert np.abs(sent * 0.05 - x).max() <= 0.025 * 1.0001
    assert len(np.unique(sent)) > 50


def test_int8_shortens_what_is_too_long_and_keeps_its_phase():
    """Clipping each component would turn a long value towards a diagonal, by up to 45°."""
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    for length in (1.01 * REACH, 3 * REACH, 1e30):
        long = (length * np.exp(1j * angles)).reshape(-1, 1)
        x = np.concatenate([long.real, long.imag], axis=1).astype(np.float32)
        sent = to_wire(x, INT8)
        assert np.abs(sent.astype(int)).max() == 127
        found = as_complex(sent)[:, 0]
        turned = np.angle(found * np.exp(-1j * angles))
        assert np.abs(turned).max() <= np.sqrt(0.5) / 126  # half a step in each part, seen from 127 away
        np.testing.assert_allclose(np.abs(found), 127, atol=np.sqrt(0.5) + 1e-3)


@pytest.mark.parametrize("components", [1, 4, 24])
def test_int8_shortens_by_the_norm_over_all_components(components):
    """What is too long keeps its direction among the k components; of k = 1 that is plain clipping."""
    values = np.random.default_rng(0).normal(size=(50, components, 3)) * 4
    sent = to_wire(values.reshape(50, -1).astype(np.float32), INT8, components).reshape(values.shape)
    norm = np.linalg.norm(values, axis=1, keepdims=True)
    expected = values * np.minimum(1, REACH / norm)
    assert (norm > REACH).any()
    assert np.abs(sent * 0.05 - expected).max() <= 0.025 * 1.001
    assert np.linalg.norm(sent.astype(int), axis=1).max() <= 127 + np.sqrt(components) / 2


@pytest.mark.parametrize("value", [np.nan, np.inf, 3e38])
def test_int8_has_no_number_for_what_is_not_finite(value):
    x = pairs()
    x[0, 0, 0, 0] = value
    with pytest.raises(SdkError, match="not a finite number"):
        to_wire(x, INT8)


def test_int8_prefers_no_phase():
    """Over random angles, the error of x is as often this way as that, about each phase."""
    x = pairs(count=200, spread=1.0)
    error = (as_complex(to_wire(x, INT8)) * 0.05 - as_complex(x)) * np.exp(-1j * np.angle(as_complex(x)))
    within = np.abs(as_complex(x)) < REACH
    count = within.sum()
    # Uniform rounding has a standard deviation of step / √12 in each part.
    deviation = 0.05 / np.sqrt(12 * count)
    assert abs(error[within].real.mean()) < 4 * deviation
    assert abs(error[within].imag.mean()) < 4 * deviation


def test_an_int8_answer_is_scaled_by_the_scale_of_h():
    h = np.array([[-127, 0, 1, 127]], np.int8)
    found = from_wire(h, INT8)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[-25.4, 0, 0.2, 25.4]], rtol=1e-6)
