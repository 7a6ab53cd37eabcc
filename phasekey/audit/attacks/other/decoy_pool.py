"""Which of the features that an attacker holds was the decoy: the one that lies in the plane that x spans."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.numerics.rotation import hide, parts
from phasekey.audit.scene.scene import Floats
from phasekey.audit.scene.view import AttackerView

BLOCK = 256  # transmissions at a time
ROUNDING = 1e-7  # of a squared share, in float32
MISTAKEN = 1e-3  # the chance of as much as one wrong claim in a whole audit
TAIL = (0.02, 0.2)  # quantiles that tell how residuals fall off towards zero


class DecoyPool(Attack):
    """Re x and Im x span the plane of a and b, so a candidate without a component outside it is a or b."""

    name: ClassVar[str] = "decoy-pool"
    leak: ClassVar[Leak] = "decoy"
    title: ClassVar[str] = "Decoy found in a pool"
    source: ClassVar[str] = "after the break of InstaHide (Carlini et al. 2021)"
    how: ClassVar[str] = (
        "Looks for a known feature that lies in the plane that x spans; with the decoy known, the input's "
        "own feature is what remains of the plane."
    )
    remedy: ClassVar[str] = "Draw every decoy afresh instead of taking it from inputs that others may know."

    def why_not(self, view: AttackerView) -> str | None:
        """Not without candidates to test; else as of any attack."""
        missing = "there are no candidates to test" if view.candidates is None else None
        return super().why_not(view) or missing

    def run(self, context: Context) -> Findings:
        """estimate: the candidate, or -1 where none is in the plane beyond doubt."""
        view, candidates = context.view, context.view.candidates
        if candidates is None:
            raise ValueError("a view with candidates is needed; ask why_not first")
        residuals = outside(view.test.x, candidates)
        own = _hidden_by_strangers(view.validation.feature, np.random.default_rng(context.seed))
        limit = certain_below(outside(own, candidates).min(1), len(residuals))
        context.watch.advance()
        return Findings(np.where(residuals.min(1) < limit, residuals.argmin(1), -1))


def _hidden_by_strangers(feature: Floats, rng: np.random.Generator) -> Floats:
    """Transmissions of the attacker's own, whose decoys are of images that no pool holds."""
    return hide(feature, np.roll(feature, 1, axis=0), rng.uniform(0, 2 * np.pi, len(feature)))


def outside(x: Floats, candidates: Floats) -> NDArray[np.float64]:
    """The share of each candidate's length that lies outside each plane.

    Args:
        x: (N, 2C', ...).
        candidates: (M, C', ...).

    Returns:
        (N, M): 0 in the plane to 1 at right angles to it; 1 for a candidate that is zero.
    """
    z = parts(x)
    flat = candidates.reshape(len(candidates), -1)
    squares = np.einsum("md,md->m", flat, flat, dtype=np.float64)
    lengths = np.where(squares > 0, squares, np.inf)
    shares = [_inside(z[at : at + BLOCK], flat) / lengths for at in range(0, len(z), BLOCK)]
    return np.sqrt(np.clip(1 - np.concatenate(shares), ROUNDING, 1))


def _inside(z: NDArray[np.complex64], flat: Floats) -> NDArray[np.float64]:
    """Squared lengths of the candidates' projections to each plane, by Gram matrices: (B, D) -> (B, M)."""
    real, imaginary = z.real.astype(np.float64), z.imag.astype(np.float64)
    along = np.stack([z.real @ flat.T, z.imag @ flat.T], axis=2, dtype=np.float64)
    gram = np.empty((len(z), 2, 2))
    gram[:, 0, 0] = np.einsum("bd,bd->b", real, real)
    gram[:, 1, 1] = np.einsum("bd,bd->b", imaginary, imaginary)
    gram[:, 0, 1] = gram[:, 1, 0] = np.einsum("bd,bd->b", real, imaginary)
    inside: NDArray[np.float64] = np.einsum("bmi,bij,bmj->bm", along, np.linalg.pinv(gram), along)
    return inside


def certain_below(unrelated: NDArray[np.float64], count: int) -> float:
    """Below which residual a candidate is claimed: so low that all of `count` transmissions whose decoy is
    not in the pool stay above it, with probability 1 - MISTAKEN.

    unrelated: the smallest residuals of transmissions whose decoys are certainly not in the pool. Their law
    is taken to fall like r^k towards zero, as it does where features vary in k dimensions outside the plane,
    and carried on from two of its quantiles. The lower of them is not the very lowest, because data sets
    hold some images twice.
    """
    low, high = np.quantile(unrelated, TAIL)
    dimensions = np.log(TAIL[1] / TAIL[0]) / max(np.log(high / low), 1e-9)
    return float(min(low * (MISTAKEN / (count * TAIL[0])) ** (1 / dimensions), low / 2))
