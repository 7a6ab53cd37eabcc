"""The laws of the secret matrices: Haar's on O(k), uniform permutations, and version vectors."""

import json
from itertools import permutations as orders
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from phasekey.bundle import ROTATION, SecretSpec
from sdk import DerivedKeys
from sdk.secrets import hide
from sdk.secrets.matrices import haar

SECRET = bytes(range(32))
IMAGES = np.random.default_rng(0).integers(0, 256, (1500, 4, 4, 1), np.uint8)
VECTORS = json.loads((Path(__file__).parents[3] / "clients" / "vectors.json").read_text())


def drawn(kind, components, images=IMAGES, secret=SECRET):
    return DerivedKeys(secret).draw(images, 3, SecretSpec(kind, components))


def q_of(components):
    return drawn("orthogonal", components).matrix


def eigenangles(matrices):
    """The angles in (0, π) of all eigenvalues that are no real numbers, (N, ·)."""
    return [np.angle(values[values.imag > 1e-9]) for values in np.linalg.eigvals(matrices)]


@pytest.mark.parametrize("kind", ["orthogonal", "permutation"])
@pytest.mark.parametrize("components", [2, 4, 8, 24])
def test_every_matrix_is_orthogonal(kind, components):
    matrix = drawn(kind, components).matrix
    assert matrix.shape == (len(IMAGES), components, components)
    assert matrix.dtype == np.float64
    product = matrix @ matrix.transpose(0, 2, 1)
    assert np.abs(product - np.eye(components)).max() < 1e-13


@pytest.mark.parametrize("components", [2, 4, 8, 24])
def test_the_determinant_is_a_fair_coin(components):
    determinant = np.linalg.det(q_of(components))
    np.testing.assert_allclose(np.abs(determinant), 1, atol=1e-12)
    reflections = int((determinant < 0).sum())
    assert stats.binomtest(reflections, len(determinant)).pvalue > 1e-3


@pytest.mark.parametrize("components", [2, 4, 8, 24])
def test_entries_have_the_law_of_a_point_on_the_sphere(components):
    """Of Haar's Q each column is uniform on the sphere: q² ~ Beta(1/2, (k-1)/2), signs are fair."""
    matrix = q_of(components)
    law = stats.beta(0.5, (components - 1) / 2)
    for row, column in [(0, 0), (components - 1, 0), (0, components - 1), (components - 1, components - 1)]:
        entry = matrix[:, row, column]
        assert stats.kstest(entry**2, law.cdf).pvalue > 1e-3
        assert stats.binomtest(int((entry > 0).sum()), len(entry)).pvalue > 1e-3


@pytest.mark.parametrize("components", [2, 4, 8, 24])
def test_the_angles_of_rows_within_a_plane_are_uniform(components):
    """Row 0 seen in the plane of axes 0 and 1: every direction there is as likely."""
    matrix = q_of(components)
    for x, y in ((matrix[:, 0, 0], matrix[:, 0, 1]), (matrix[:, 0, 0], matrix[:, 1, 0])):
        angle = np.mod(np.arctan2(y, x), 2 * np.pi) / (2 * np.pi)
        assert stats.kstest(angle, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("components", [4, 8, 24])
def test_eigenangles_are_those_of_an_independent_sampler(components):
    """scipy's own Haar sampler as the oracle. One angle of each matrix: those of one repel each other."""
    ours = eigenangles(q_of(components))
    theirs = eigenangles(stats.ortho_group.rvs(components, size=1500, random_state=1))
    first = [[angles[0] for angles in side if len(angles)] for side in (ours, theirs)]
    least = [[angles.min() for angles in side if len(angles)] for side in (ours, theirs)]
    assert stats.ks_2samp(*first).pvalue > 1e-3
    assert stats.ks_2samp(*least).pvalue > 1e-3


@pytest.mark.parametrize("components", [2, 4, 8])
def test_without_the_signs_it_would_not_be_haar(components):
    """The control: LAPACK's Q as it comes has a sign that is no coin's."""
    normals = np.random.default_rng(0).normal(size=(1500, components, components))
    plain = np.linalg.qr(normals)[0]
    fixed = haar(normals.reshape(1500, -1), components)
    skewed = [stats.binomtest(int((q[:, 0, 0] > 0).sum()), 1500).pvalue for q in (plain, fixed)]
    assert skewed[0] < 1e-6
    assert skewed[1] > 1e-3


@pytest.mark.parametrize("components", [2, 3, 4])
def test_all_orders_are_as_likely(components):
    places = drawn("permutation", components).matrix.argmax(axis=2)
    counts = [int((places == order).all(axis=1).sum()) for order in orders(range(components))]
    assert sum(counts) == len(IMAGES)
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("components", [8, 24])
def test_the_feature_goes_to_any_place(components):
    place = drawn("permutation", components).matrix[:, :, 0].argmax(axis=1)
    assert stats.chisquare(np.bincount(place, minlength=components)).pvalue > 1e-3


@pytest.mark.parametrize("kind", ["orthogonal", "permutation"])
def test_one_input_one_matrix_and_another_for_any_change(kind):
    first, again = drawn(kind, 8), drawn(kind, 8, IMAGES[::-1])
    np.testing.assert_array_equal(first.matrix, again.matrix[::-1])
    np.testing.assert_array_equal(first.noise, again.noise[::-1])
    changed = IMAGES.copy()
    changed[:, 0, 0, 0] ^= 1
    for other in (drawn(kind, 8, changed), drawn(kind, 8, secret=SECRET[::-1])):
        alike = np.einsum("nij,nij->n", first.matrix, other.matrix) / 8
        assert abs(alike.mean() - (kind == "permutation") / 8) < 6 / np.sqrt(8 * len(IMAGES))


def test_kinds_and_sizes_share_no_numbers():
    """Else the rotation of an image would tell the matrix of the same image in another bundle."""
    streams = [drawn(kind, k).noise for kind, k in (("orthogonal", 2), ("permutation", 2), ("rotation", 2))]
    streams.append(drawn("orthogonal", 4).noise[:, :3])
    for at, one in enumerate(streams):
        for other in streams[at + 1 :]:
            # Within an image: of all 4500 × 4500 pairs, some float32 numbers are equal by chance.
            assert not (one[:, :, None] == other[:, None, :]).any()


@pytest.mark.parametrize("case", VECTORS["laws"], ids=lambda case: f"{case['kind']}-{case['components']}")
def test_version_vectors(case):
    """What a device sent under its secret, it sends after every update: see docs/manifest.md.

    Matrices to 1e-12, not to the last bit: log, cos and LAPACK round otherwise on other machines.
    """
    images = np.array(VECTORS["images"], np.uint8).reshape(VECTORS["images_shape"])
    keys = DerivedKeys(bytes.fromhex(VECTORS["secret"]), context=VECTORS["context"].encode())
    secret = SecretSpec(case["kind"], case["components"])
    found = keys.draw(images, VECTORS["noise_size"], secret)
    np.testing.assert_allclose(found.matrix.ravel(), case["matrix"], atol=1e-12)
    np.testing.assert_allclose(found.noise.ravel(), case["noise"], rtol=1e-6)
    rows = np.array(VECTORS["rows"], np.float32).reshape(1, -1, 2, 2)[:, : case["components"]]
    x = hide(np.repeat(rows, len(images), axis=0), found.matrix, permuted=secret.permutes)
    np.testing.assert_allclose(x.ravel(), case["x"], atol=1e-6)
    if secret == ROTATION:
        np.testing.assert_allclose(found.theta, case["theta"], atol=1e-12)
