"""K against scipy, the published table, Monte Carlo of the divergence, and its limits."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, special, stats

from phasekey.guarantee import GuaranteeError, at_most, nats_per_transmission

# D, σ -> K for k = D + 4, 1.5 D, 2 D, 3 D, 4 D, 8 D, to one unit of the last digit given.
TABLE = {
    (8, 1): (2.32, 2.32, 1.42, 0.79, 0.55, 0.25),
    (8, 2): (0.47, 0.47, 0.23, 0.12, 0.08, 0.035),
    (12, 1): (3.95, 3.17, 2.01, 1.17, 0.82, 0.38),
    (12, 2): (0.77, 0.53, 0.28, 0.14, 0.10, 0.044),
    (16, 2): (1.11, 0.61, 0.33, 0.17, 0.12, 0.05),
    (32, 2): (2.61, 0.97, 0.54, 0.29, 0.20, 0.09),
    (64, 2): (5.98, 1.72, 0.97, 0.52, 0.36, 0.16),
}


@pytest.mark.parametrize(("d", "sigma"), TABLE)
def test_the_table(d, sigma):
    for components, expected in zip(
        (d + 4, 3 * d // 2, 2 * d, 3 * d, 4 * d, 8 * d), TABLE[d, sigma], strict=True
    ):
        digits = len(str(expected).partition(".")[2])
        assert nats_per_transmission(d, components, sigma) == pytest.approx(expected, abs=1.01 * 10**-digits)


def by_scipy(s, d, k):
    """The same formula, from another library's special functions and its adaptive quadrature."""
    chi = stats.chi2(k - d)
    mean_log, _ = integrate.quad(
        lambda u: np.log1p(s / chi.ppf(u)), 0, 1, limit=500, epsabs=1e-11, epsrel=1e-11
    )
    volumes = special.gammaln(k / 2) - special.gammaln((k - d) / 2)
    determinant = special.digamma((k - np.arange(1, d + 1)) / 2).sum() / 2
    return volumes - determinant + s / 2 - (k - d - 1) / 2 * mean_log


@pytest.mark.parametrize("sigma", [0.5, 1, 2])
@pytest.mark.parametrize(("d", "k"), [(1, 2), (1, 9), (2, 4), (5, 7), (12, 13), (12, 24), (64, 200)])
def test_the_integral_and_the_sums_are_scipys(d, k, sigma):
    expected = max(by_scipy(0.0, d, k), by_scipy(d / sigma**2, d, k))
    assert nats_per_transmission(d, k, sigma) == pytest.approx(expected, rel=1e-7)


def test_monte_carlo_of_the_divergence():
    d, k, sigma, count = 12, 24, 2.0, 20000
    a = np.full(d, 1 / sigma)  # |a|² = D, in units of σ
    drawn = stats.wishart(k - 1, np.eye(d)).rvs(count, random_state=0) + np.outer(a, a)
    conditional = stats.wishart(k - 1, np.eye(d)).logpdf(np.moveaxis(drawn - np.outer(a, a), 0, 2))
    ratios = conditional - stats.wishart(k, np.eye(d)).logpdf(np.moveaxis(drawn, 0, 2))
    error = ratios.std() / math.sqrt(count)
    assert error < 0.01
    assert ratios.mean() == pytest.approx(nats_per_transmission(d, k, sigma), abs=4 * error)


def test_it_grows_with_the_length_and_shrinks_with_sigma_and_components():
    lengths = [nats_per_transmission(12, 24, 2.0, length) for length in np.linspace(0, 60, 40)]
    assert all(later >= earlier for earlier, later in pairwise(lengths))
    assert lengths[-1] > 3 * lengths[0]
    sigmas = [nats_per_transmission(12, 24, sigma) for sigma in (0.5, 1, 2, 3)]
    assert sigmas == sorted(sigmas, reverse=True)
    components = [nats_per_transmission(12, k, 2.0) for k in range(13, 200)]
    assert components == sorted(components, reverse=True)


def test_it_is_never_below_that_of_a_shorter_feature():
    """K alone is not monotone below |a| ≈ σ: there, no feature at all differs more from the reference."""
    assert by_scipy(1.0, 4, 8) < by_scipy(0.0, 4, 8)
    assert nats_per_transmission(4, 8, 2.0, 4.0) == pytest.approx(by_scipy(0.0, 4, 8))


@pytest.mark.parametrize(("d", "sigma"), [(4, 1.0), (12, 2.0), (3, 0.5)])
def test_many_components_leave_a_shift_of_the_mean(d, sigma):
    """W is then nearly normal with mean kI + (aaᵀ - I): 4kK → |aaᵀ - I|² = s² - 2s + D, s = |a|²/σ²."""
    s, k = d / sigma**2, 100000
    assert 4 * k * nats_per_transmission(d, k, sigma) == pytest.approx(s * s - 2 * s + d, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((12, 12, 2.0), "more components than values of the feature; got 12 components for 12 values"),
        ((0, 4, 1.0), "got 4 components for 0 values"),
        ((4, 8, 0.0), "got sigma 0"),
        ((4, 8, float("nan")), "got sigma nan"),
        ((4, 8, 1.0, -1.0), "squared norm -1"),
    ],
)
def test_where_no_bound_holds_it_is_said(arguments, message):
    with pytest.raises(GuaranteeError, match=message):
        nats_per_transmission(*arguments)


@pytest.mark.parametrize(
    ("nats", "decimals", "written"), [(0.1801, 2, "0.19"), (0.25, 2, "0.25"), (2.41, 1, "2.5")]
)
def test_a_bound_is_written_rounded_up(nats, decimals, written):
    assert at_most(nats, decimals) == written
