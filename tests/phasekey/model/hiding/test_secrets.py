"""Secrets have the law they claim, and hiding and revealing is M -> QM -> row 0 of Qᵀ(QM)."""

import numpy as np
import pytest
import torch
from scipy import stats

from phasekey.model import ModelError
from phasekey.model.hiding.rotation import rotate, unrotate
from phasekey.model.hiding.secrets import draw_secret, hide, reveal, rotations
from phasekey.model.layers.layout import blocks, fold, unfold

KINDS = [("rotation", 2), *[(kind, k) for kind in ("orthogonal", "permutation") for k in (2, 4, 8)]]


@pytest.mark.parametrize(("kind", "k"), [*KINDS, ("orthogonal", 24)])
def test_secrets_are_orthogonal_and_follow_their_generator(kind, k):
    secret = draw_secret(kind, 50, k, generator=torch.Generator().manual_seed(3))
    assert secret.shape == (50, k, k)
    product = (secret @ secret.transpose(1, 2)).numpy()
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(k), product.shape), atol=1e-12)
    again = draw_secret(kind, 50, k, generator=torch.Generator().manual_seed(3))
    other = draw_secret(kind, 50, k, generator=torch.Generator().manual_seed(4))
    assert torch.equal(secret, again)
    assert not torch.equal(secret, other)


@pytest.mark.parametrize("k", [2, 4, 8, 24])
def test_orthogonal_secrets_are_haar(k):
    """Invariance: (k+1)/2-th moments aside, an entry squared is Beta(½, (k-1)/2), and det is a fair coin."""
    generator = torch.Generator().manual_seed(0)
    secret = draw_secret("orthogonal", 4000, k, generator=generator)
    entry = stats.beta(0.5, (k - 1) / 2)
    for row, column in ((0, 0), (k - 1, 0), (0, k - 1)):
        assert stats.kstest(secret[:, row, column].numpy() ** 2, entry.cdf).pvalue > 1e-3
        assert stats.binomtest(int((secret[:, row, column] > 0).sum()), 4000).pvalue > 1e-3
    fixed = torch.linalg.qr(torch.randn(k, k, dtype=torch.float64, generator=generator))[0]
    turned = fixed @ draw_secret("orthogonal", 4000, k, generator=generator)
    # Rounded: the trace of every reflection of the plane is zero, but for the last bit.
    trace, turned_trace = (q.diagonal(dim1=1, dim2=2).sum(1).numpy().round(9) for q in (secret, turned))
    assert stats.ks_2samp(trace, turned_trace).pvalue > 1e-3
    assert stats.binomtest(int((torch.linalg.det(secret) > 0).sum()), 4000).pvalue > 1e-3


def test_rotations_are_uniform_and_permutations_too():
    generator = torch.Generator().manual_seed(0)
    turned = draw_secret("rotation", 4000, generator=generator)
    angle = torch.atan2(turned[:, 1, 0], turned[:, 0, 0]).numpy()
    assert stats.kstest(angle, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
    assert torch.allclose(torch.linalg.det(turned), torch.ones(4000, dtype=torch.float64))
    orders = draw_secret("permutation", 6000, 3, generator=generator).argmax(2).numpy()
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 6
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("shape", [(3, 2, 4), (5,)])
def test_two_components_are_equations_2_and_3_in_complex_numbers(shape):
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 6, *shape))
    theta = random.uniform(0, 2 * np.pi, 6)
    turn = np.exp(1j * theta).reshape(-1, *[1] * len(shape))
    expected = turn * (a + 1j * b)
    secret = rotations(torch.from_numpy(theta))
    x = hide(torch.from_numpy(np.stack([a, b], axis=1)), secret)
    np.testing.assert_allclose(x, np.concatenate([expected.real, expected.imag], axis=1), atol=1e-13)
    np.testing.assert_allclose(
        x, rotate(torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(theta)), atol=1e-13
    )
    h = torch.from_numpy(random.normal(size=(6, 2 * shape[0], *shape[1:])))
    real, imaginary = np.split(h.numpy(), 2, axis=1)
    np.testing.assert_allclose(reveal(h, secret), ((real + 1j * imaginary) / turn).real, atol=1e-13)
    np.testing.assert_allclose(reveal(h, secret), unrotate(h, torch.from_numpy(theta)), atol=1e-13)


@pytest.mark.parametrize(("kind", "k"), KINDS)
def test_hiding_is_a_product_of_matrices_and_revealing_undoes_it(kind, k):
    rows = torch.randn(4, k, 3, 5, 2, dtype=torch.float64)
    secret = draw_secret(kind, 4, k)
    x = hide(rows, secret)
    for n in range(4):
        expected = np.tensordot(secret[n].numpy(), rows[n].numpy(), axes=1)
        np.testing.assert_allclose(x[n], np.concatenate(expected), atol=1e-12)
    np.testing.assert_allclose(reveal(x, secret), rows[:, 0], atol=1e-12)


@pytest.mark.parametrize("k", [2, 3, 8])
def test_folding_puts_component_0_first_and_unfolding_undoes_it(k):
    x = torch.randn(4, k * 3, 5, 2)
    folded = fold(x, k)
    assert torch.equal(folded[:4], x[:, :3])
    assert torch.equal(blocks(folded, k)[1], x[:, 3:6])
    assert torch.equal(unfold(folded, k), x)


@pytest.mark.parametrize(
    ("kind", "k", "message"),
    [
        ("reflection", 2, "unknown secret 'reflection'; choose one of rotation, orthogonal, permutation"),
        ("rotation", 4, "a rotation is of 2 components, but 4"),
        ("orthogonal", 1, "2 components or more; got 1"),
    ],
)
def test_a_secret_that_does_not_exist_is_refused(kind, k, message):
    with pytest.raises(ModelError, match=message):
        draw_secret(kind, 2, k)
