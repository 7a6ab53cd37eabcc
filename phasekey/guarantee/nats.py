"""The mutual information between an image and one transmission, bounded (docs/adr/0034).

The feature a has D values and a length of at most |a|; k - 1 decoys b ~ N(0, σ²I) and a Haar matrix Q of O(k)
hide it, k > D. X = QM tells as much as W = MᵀM = aaᵀ + S does, S ~ Wishart_D(k - 1, σ²I). Against
Wishart_D(k, σ²I) as a reference law, whatever the law of images and the encoder are,

    I(image; X) ≤ max over a of KL(law of W given a ‖ reference) = max over a of K(|a|²/σ²).

In units of σ, with |W| = |S|(1 + aᵀS⁻¹a), aᵀS⁻¹a ~ s/χ²_{k-D} and E ln|S| = D ln 2 + Σ ψ((k-i)/2), the ratio
of the two densities gives

    K(s) = ln Γ(k/2) - ln Γ((k-D)/2) - ½ Σ_{i=1..D} ψ((k-i)/2) + s/2 - ½(k-D-1) E ln(1 + s/χ²_{k-D}).

K is convex in s, so over all lengths up to |a| the largest is at one of the two ends.
"""

import math

import numpy as np

from phasekey.guarantee.errors import GuaranteeError

EULER = 0.5772156649015329  # γ = -ψ(1)
POINTS = 4001  # of the trapezoidal rule; it converges exponentially here, and 400 would do
TAIL = 80.0  # e^-80 is left out at the ends


def nats_per_transmission(
    values: int, components: int, sigma: float, squared_norm: float | None = None
) -> float:
    """Bound what one transmission tells about the image. n of them tell n times as much at most.

    Args:
        values: D, of the feature.
        components: k, the feature and k - 1 Gaussian decoys.
        sigma: σ, standard deviation of each value of a decoy.
        squared_norm: |a|² of the longest feature; D where None, as the norm-bottleneck has it.

    Returns:
        Nats.

    Raises:
        GuaranteeError: where k ≤ D, for which no bound in nats exists, or a number is out of range.
    """
    if not 1 <= values < components:
        raise GuaranteeError(
            "a bound in nats takes more components than values of the feature; got "
            f"{components} components for {values} values"
        )
    length = values if squared_norm is None else squared_norm
    if not (0 < sigma < math.inf and 0 <= length < math.inf):
        raise GuaranteeError(
            f"sigma is above 0, the squared norm 0 or more; got sigma {sigma:g} and squared norm {length:g}"
        )
    return max(_divergence(0.0, values, components), _divergence(length / sigma**2, values, components))


def at_most(nats: float, decimals: int = 2) -> str:
    """Write a bound for people: rounded up, so that "at most" stays true."""
    return f"{math.ceil(10**decimals * nats) / 10**decimals:.{decimals}f}"


def _divergence(s: float, d: int, k: int) -> float:
    """K(s) of the module's docstring, nats."""
    volumes = math.lgamma(k / 2) - math.lgamma((k - d) / 2)
    determinant = sum(_digamma_of_half(k - i) for i in range(1, d + 1)) / 2
    return volumes - determinant + s / 2 - (k - d - 1) / 2 * _mean_log(s, k - d)


def _digamma_of_half(m: int) -> float:
    """ψ(m/2) for m ≥ 1, by its recurrence from ψ(1) and ψ(1/2) (Abramowitz and Stegun 6.3.2, 6.3.4)."""
    if m % 2 == 0:
        return -EULER + sum(1 / j for j in range(1, m // 2))
    return -EULER - 2 * math.log(2) + sum(2 / j for j in range(1, m - 1, 2))


def _mean_log(s: float, n: int) -> float:
    """E ln(1 + s/χ²_n), over y = ln χ²_n: there the density falls off fast on both sides."""
    spread = math.sqrt(2 / n)
    middle, width = math.log(n), 12 * spread
    y = np.linspace(middle - width - TAIL * 2 / n, middle + width, POINTS)
    log_density = n / 2 * y - np.exp(y) / 2 - n / 2 * math.log(2) - math.lgamma(n / 2)
    return float(np.sum(np.log1p(s * np.exp(-y)) * np.exp(log_density)) * (y[1] - y[0]))
