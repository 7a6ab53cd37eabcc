import numpy as np
import torch

from phasekey.audit.attackers.training import pixels_of
from phasekey.audit.numerics.arrays import to_bytes, unit

EVERY = np.arange(256, dtype=np.uint8)


def test_every_byte_comes_back() -> None:
    values = unit(EVERY)
    assert values.dtype == np.float32
    assert [float(value) for value in values] == [float(np.float32(byte / 255)) for byte in range(256)]
    np.testing.assert_array_equal(to_bytes(values), EVERY)


def test_what_is_no_pixel_is_cut() -> None:
    assert to_bytes(np.array([-0.2, 0.4999, 1.7, np.nan])).tolist() == [0, 127, 255, 0]


def test_tensors_have_the_same_values_with_channels_first() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3), dtype=np.uint8)
    expected = np.moveaxis(unit(images), 3, 1)
    np.testing.assert_allclose(pixels_of(torch.from_numpy(images)).cpu().numpy(), expected, atol=1e-7)
