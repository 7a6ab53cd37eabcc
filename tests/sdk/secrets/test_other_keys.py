"""Undone with any other key, an answer is not the image's."""

import numpy as np
import pytest

from phasekey.bundle import SecretSpec
from sdk import DerivedKeys, Device
from sdk.secrets import hide, reveal

SECRET, OTHERS = bytes(range(32)), 300
IMAGE = np.random.default_rng(0).integers(0, 256, (1, 4, 4, 1), np.uint8)
ROWS = np.random.default_rng(1).normal(size=(1, 8, 3, 4, 4)).astype(np.float32)


def error_under(keys, kind, components):
    """How far what is revealed is from the feature, relative to it."""
    spec = SecretSpec(kind, components)
    rows = ROWS[:, :components]
    right = DerivedKeys(SECRET).draw(IMAGE, 1, spec).matrix
    x = hide(rows, right, permuted=spec.permutes)
    revealed = reveal(x, keys.draw(IMAGE, 1, spec).matrix, permuted=spec.permutes)
    return np.linalg.norm(revealed - rows[:, 0]) / np.linalg.norm(rows[:, 0])


def other_secrets():
    """Secrets far off, and those that differ from the right one in one bit."""
    random = np.random.default_rng(2)
    yield from (random.bytes(32) for _ in range(OTHERS - 32))
    for at in range(32):
        near = bytearray(SECRET)
        near[at] ^= 1 << at % 8
        yield bytes(near)


@pytest.mark.parametrize(("kind", "components"), [("rotation", 2), ("orthogonal", 2), ("orthogonal", 4)])
def test_no_other_secret_gives_the_feature(kind, components):
    errors = [error_under(DerivedKeys(secret), kind, components) for secret in other_secrets()]
    assert error_under(DerivedKeys(SECRET), kind, components) < 1e-6
    assert min(errors) > 1e-3
    # A wrong rotation by Δ leaves cos Δ of the feature and sin Δ of a decoy as large: an error of 2 sin(Δ/2),
    # above 1 for two of three angles. In more dimensions, or with reflections, less is left.
    assert np.mean(np.array(errors) > 0.9) > 0.6


@pytest.mark.parametrize("components", [2, 4, 8])
def test_another_secret_picks_the_row_by_chance(components):
    """The rows themselves are open; which one is the feature is not: one secret in k is right about it."""
    errors = np.array([error_under(DerivedKeys(s), "permutation", components) for s in other_secrets()])
    right = (errors == 0).mean()
    assert abs(right - 1 / components) < 4 * np.sqrt(1 / components / OTHERS)
    assert errors[errors > 0].min() > 0.5


@pytest.mark.parametrize("options", [{}, {"kind": "orthogonal", "components": 4}])
def test_a_device_with_another_secret_or_context_decodes_something_else(new_export, in_memory, options):
    export = new_export(**options)
    images = export.network.images(50)
    first, other = Device(export.edge, secret=SECRET), Device(export.edge, secret=SECRET[::-1])
    h = in_memory(export).infer(first.encode(images).x)
    right = export.network.probabilities(images)
    found = [device.decode(device.encode(images), h).probabilities for device in (first, other)]
    off = [np.abs(each - right).max(axis=1) for each in found]
    assert off[0].max() < 5e-5
    assert np.median(off[1]) > 0.1
