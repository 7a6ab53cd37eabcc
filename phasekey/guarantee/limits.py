"""What an attacker can find at most who is told so many nats: Fano's and Pinsker's inequalities.

Let P be the joint law of image and what was seen, Q that of the two if they were independent. Their
divergence is the mutual information, K nats at most. Whatever an attacker makes of what he sees, the
divergence of its laws under P and Q is no larger (Cover and Thomas, Elements of Information Theory, sections
2.8 and 2.10).
"""

import math

from phasekey.guarantee.errors import GuaranteeError

STEPS = 60  # of a bisection: to float precision


def success_at_most(nats: float, chance: float) -> float:
    """Bound how often an attacker guesses right.

    Right and wrong are two outcomes, so d(p ‖ q) ≤ K for the success p under P and q ≤ chance under Q, with
    d(p ‖ q) = p ln(p/q) + (1-p) ln((1-p)/(1-q)): Fano's inequality, sharper than Pinsker's p ≤ q + √(K/2).

    Args:
        nats: K, what the attacker was told at most.
        chance: the best success without looking, such as the share of the most frequent class.

    Returns:
        The largest p with d(p ‖ chance) ≤ K, from chance to 1.

    Raises:
        GuaranteeError: for negative nats, or a chance that is not strictly between 0 and 1.
    """
    if not (nats >= 0 and 0 < chance < 1):
        raise GuaranteeError(f"nats are 0 or more and a chance is between 0 and 1; got {nats:g}, {chance:g}")
    low, high = chance, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if _binary(middle, chance) <= nats else (low, middle)
    return high


def error_at_least(nats: float, classes: int) -> float:
    """Bound from below how often an attacker errs on a label whose classes are equally frequent.

    Args:
        nats: K, what the attacker was told at most.
        classes: C, 2 or more.

    Returns:
        1 - `success_at_most`, from 1 - 1/C down to 0.

    Raises:
        GuaranteeError: for negative nats, or fewer than two classes.
    """
    if classes < 2:
        raise GuaranteeError(f"a label has 2 classes or more; got {classes}")
    return 1 - success_at_most(nats, 1 / classes)


def mean_at_most(nats: float, blind: float, span: float) -> float:
    """Bound the mean of any score that an attacker reaches (Pinsker: |E_P f - E_Q f| ≤ span · √(K/2)).

    Args:
        nats: K, what the attacker was told at most.
        blind: the best mean score without looking.
        span: largest minus smallest score of one image; 2 for a cosine.

    Returns:
        The bound, in the unit of the score.

    Raises:
        GuaranteeError: for negative nats or a negative span.
    """
    if not (nats >= 0 and span >= 0):
        raise GuaranteeError(f"nats and span are 0 or more; got {nats:g}, {span:g}")
    return blind + span * math.sqrt(nats / 2)


def _binary(p: float, q: float) -> float:
    """d(p ‖ q), nats, 0 < q < 1."""
    terms = ((p, q), (1 - p, 1 - q))
    return sum(x * math.log(x / y) for x, y in terms if x > 0)
