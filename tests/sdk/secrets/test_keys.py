"""The derived secrets: right by their standards, uniform, normal, unrelated, and silent."""

import copy
import hashlib
import hmac
import pickle

import numpy as np
import pytest
from scipy import stats

from phasekey.bundle import ROTATION
from sdk import DerivedKeys, FreshKeys, SdkError, Secrets
from sdk.errors import ClientClosed
from sdk.secrets import stream

SECRET = bytes(range(32))
IMAGES = np.random.default_rng(0).integers(0, 256, (2000, 4, 4, 1), np.uint8)


@pytest.fixture(scope="module")
def drawn():
    return DerivedKeys(SECRET).draw(IMAGES, 7)


def test_shapes_types_and_range(drawn):
    assert drawn.theta.shape == (2000,)
    assert drawn.theta.dtype == np.float64
    assert drawn.noise.shape == (2000, 7)
    assert drawn.noise.dtype == np.float32
    assert (drawn.theta >= 0).all()
    assert (drawn.theta < 2 * np.pi).all()


def test_one_sample_by_the_book():
    """HMAC-SHA-256 over length-prefixed parts, SHAKE-256, 53 bits, Box-Muller: written out anew."""
    image = IMAGES[0]
    code = hmac.new(SECRET, digestmod=hashlib.sha256)
    for part in (b"phasekey/sdk.key/1/seed", b"bundle", b"('|u1', (4, 4, 1))", image.tobytes()):
        code.update(len(part).to_bytes(8, "big") + part)
    stream = hashlib.shake_256(b"phasekey/sdk.key/1/stream" + code.digest()).digest(8 * 5)
    u = [(int.from_bytes(stream[i : i + 8], "little") >> 11) / 2**53 for i in range(0, 40, 8)]
    secrets = DerivedKeys(SECRET, context=b"bundle").draw(image[None], 3)
    assert secrets.theta[0] == pytest.approx(2 * np.pi * u[0], abs=1e-15)
    first = [np.sqrt(-2 * np.log(1 - u[1])), np.sqrt(-2 * np.log(1 - u[2]))]
    expected = [
        first[0] * np.cos(2 * np.pi * u[3]),
        first[1] * np.cos(2 * np.pi * u[4]),
        first[0] * np.sin(2 * np.pi * u[3]),
    ]
    np.testing.assert_allclose(secrets.noise[0], expected, rtol=1e-6)


def test_the_same_input_and_secret_give_the_same_draw(drawn):
    again = DerivedKeys(SECRET).draw(IMAGES.copy(), 7)
    np.testing.assert_array_equal(again.theta, drawn.theta)
    np.testing.assert_array_equal(again.noise, drawn.noise)


def test_neither_order_nor_company_matters(drawn):
    order = np.random.default_rng(1).permutation(2000)[:50]
    shuffled = DerivedKeys(SECRET).draw(IMAGES[order], 7)
    np.testing.assert_array_equal(shuffled.theta, drawn.theta[order])
    np.testing.assert_array_equal(shuffled.noise, drawn.noise[order])
    alone = DerivedKeys(SECRET).draw(IMAGES[3:4], 7)
    np.testing.assert_array_equal(alone.noise[0], drawn.noise[3])


def test_memory_order_and_byte_order_do_not_matter():
    images = np.random.default_rng(0).random((3, 4, 5, 3)).astype(np.float32)
    plain = DerivedKeys(SECRET).draw(images, 4)
    for same in (np.asfortranarray(images), images.astype(">f4"), images[::-1][::-1]):
        np.testing.assert_array_equal(DerivedKeys(SECRET).draw(same, 4).theta, plain.theta)


def other_secret():
    return DerivedKeys(SECRET[:-1] + b"\xff").draw(IMAGES, 7)


def other_context():
    return DerivedKeys(SECRET, context=b"other").draw(IMAGES, 7)


def one_pixel_changed():
    changed = IMAGES.copy()
    changed[:, 2, 1, 0] ^= 1
    return DerivedKeys(SECRET).draw(changed, 7)


def other_shape():
    return DerivedKeys(SECRET).draw(IMAGES.reshape(2000, 2, 8, 1), 7)


def other_dtype():
    return DerivedKeys(SECRET).draw(IMAGES.view(np.int8), 7)


def drawn_secret():
    return DerivedKeys().draw(IMAGES, 7)


def fresh():
    return FreshKeys().draw(IMAGES, 7)


@pytest.mark.parametrize(
    "other",
    [other_secret, other_context, one_pixel_changed, other_shape, other_dtype, drawn_secret, fresh],
)
def test_any_change_gives_an_unrelated_draw(drawn, other):
    """The difference of the angles is uniform, the noises do not correlate (2000 samples; 6 sigma)."""
    changed = other()
    difference = np.mod(changed.theta - drawn.theta, 2 * np.pi) / (2 * np.pi)
    assert stats.kstest(difference, "uniform").pvalue > 1e-8
    assert np.abs(np.mean(changed.noise * drawn.noise, axis=0)).max() < 6 / np.sqrt(2000)
    assert not np.isin(changed.theta, drawn.theta).any()


def test_theta_is_uniform(drawn):
    assert stats.kstest(drawn.theta / (2 * np.pi), "uniform").pvalue > 0.01


def test_noise_is_standard_normal_and_independent(drawn):
    assert stats.kstest(drawn.noise.ravel(), "norm").pvalue > 0.01
    columns = np.column_stack([drawn.noise, np.cos(drawn.theta), np.sin(drawn.theta)])
    correlation = np.corrcoef(columns, rowvar=False) - np.eye(9)
    assert np.abs(correlation).max() < 5 / np.sqrt(2000)


def test_the_uniformity_tests_can_fail(drawn):
    assert stats.kstest(drawn.theta / 6.6, "uniform").pvalue < 1e-3
    assert stats.kstest(1.1 * drawn.noise.ravel(), "norm").pvalue < 1e-3


def test_the_extreme_bits_give_finite_values_in_range():
    extremes = np.array([[0, 0], [2**64 - 1, 2**64 - 1]], np.uint64)
    assert (2 * np.pi * stream.uniform(extremes) < 2 * np.pi).all()
    assert np.isfinite(stream.normal(extremes, 2)).all()


@pytest.mark.parametrize("size", [1, 2, 5])
def test_any_noise_size(size):
    assert DerivedKeys(SECRET).draw(IMAGES[:3], size).noise.shape == (3, size)


@pytest.mark.parametrize("source", [DerivedKeys, FreshKeys])
def test_two_clients_without_a_given_secret_are_unrelated(source):
    assert source().draw(IMAGES[:1], 1).theta[0] != source().draw(IMAGES[:1], 1).theta[0]


def test_fresh_keys_differ_for_the_same_input():
    source = FreshKeys()
    assert source.draw(IMAGES[:1], 1).theta[0] != source.draw(IMAGES[:1], 1).theta[0]


@pytest.mark.parametrize("secret", [b"", b"hunter2", b"x" * 15])
def test_a_short_secret_is_refused_and_not_echoed(secret):
    with pytest.raises(SdkError, match=f"has {len(secret)} bytes; at least 16") as caught:
        DerivedKeys(secret)
    assert not secret or secret.decode() not in str(caught.value)


@pytest.mark.parametrize("secret", ["correct horse battery staple", 12345678901234567890, [1] * 32])
def test_a_secret_of_another_type_is_refused_and_not_echoed(secret):
    with pytest.raises(SdkError, match="must be bytes, not") as caught:
        DerivedKeys(secret)
    assert str(secret) not in str(caught.value)


def test_a_bytearray_that_is_wiped_later_is_kept():
    wiped = bytearray(SECRET)
    source = DerivedKeys(wiped)
    wiped[:] = bytes(32)
    np.testing.assert_array_equal(
        source.draw(IMAGES[:1], 1).theta, DerivedKeys(SECRET).draw(IMAGES[:1], 1).theta
    )


def holders():
    source = DerivedKeys(b"a-secret-that-must-not-be-shown!")
    return [source, DerivedKeys(), FreshKeys(), source.draw(IMAGES[:2], 3)]


@pytest.mark.parametrize("holder", holders(), ids=["given", "drawn", "fresh", "secrets"])
def test_holders_of_secrets_show_nothing(holder):
    shown = [repr(holder), str(holder), f"{holder}", f"{holder!r}", "%s" % holder, repr([holder])]  # noqa: UP031
    assert all("hidden" in text for text in shown)
    assert not any(character.isdigit() for text in shown for character in text)
    assert "secret-that" not in "".join(shown)
    with pytest.raises(TypeError):
        vars(holder)
    for escape in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(SdkError, match="not to be pickled"):
            escape(holder)


def test_what_was_chosen_is_told_without_the_secret():
    assert DerivedKeys(SECRET).origin == "given"
    assert repr(DerivedKeys(SECRET)) == "DerivedKeys(secret given, hidden)"
    assert DerivedKeys().origin == "drawn"
    assert repr(Secrets(np.zeros((1, 2, 2)), np.zeros((1, 1), np.float32))) == "Secrets(hidden)"


def test_shapes_in_turn_an_empty_batch_and_batches_agree_with_keys_that_saw_one_image():
    used = DerivedKeys(SECRET)
    assert used.draw(IMAGES[:0], 3).noise.shape == (0, 3)
    flat = IMAGES[:5].reshape(5, 2, 8, 1)
    for images in (IMAGES[:5], flat, IMAGES[:5].astype(np.float32), IMAGES[:5]):
        for code, image in zip(used.codes(images, ROTATION), images, strict=True):
            assert [code] == DerivedKeys(SECRET).codes(image[None], ROTATION)
        first = DerivedKeys(SECRET).draw(images[:1], 3)
        np.testing.assert_array_equal(used.draw(images, 3).noise[:1], first.noise)
    assert used.codes(flat, ROTATION) != used.codes(IMAGES[:5], ROTATION)


def test_forgotten_keys_draw_nothing_of_shapes_either_that_they_saw():
    source = DerivedKeys(SECRET)
    source.draw(IMAGES[:1], 1)
    source.forget()
    with pytest.raises(ClientClosed, match="forgotten"):
        source.draw(IMAGES[:1], 1)
