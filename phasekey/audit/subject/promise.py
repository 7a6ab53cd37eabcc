"""What a subject promises, as its claim is judged: the same of a checkpoint and of a bundle. Plain data."""

from dataclasses import dataclass
from typing import Any, Literal

from phasekey.audit.errors import AuditError

Claim = Literal["nats", "one-of-k"]


@dataclass(frozen=True)
class Promise:
    """A guarantee, and the secret by which it is kept.

    Attributes:
        claim: at most so many nats, or one of k.
        secret: the kind of it: "orthogonal" or "permutation".
        components: k.
        values: D of the feature; None of one-of-k.
        sigma: of Gaussian decoys; None of one-of-k.
        nats: that one transmission tells at most; None of one-of-k.
    """

    claim: Claim
    secret: str
    components: int
    values: int | None
    sigma: float | None
    nats: float | None


def promise_of(guarantee: dict[str, Any] | None, secret: str, components: int) -> Promise | None:
    """Read a guarantee as a manifest states it.

    Args:
        guarantee: of a manifest, or of a network by `phasekey.model.hiding.promise`.
        secret: kind of the secret.
        components: k.

    Returns:
        The promise; None where nothing is promised.

    Raises:
        AuditError: nothing is promised, and the secret is none that the ordinary audit attacks.
    """
    if guarantee is not None:
        values, sigma = guarantee.get("feature_values"), guarantee.get("sigma")
        nats = guarantee.get("nats_per_transmission")
        return Promise(guarantee["kind"], secret, components, values, sigma, nats)
    if secret != "rotation":
        raise AuditError(
            f"this network hides by a secret of kind {secret} and {components} components, and promises "
            "nothing; the ordinary audit attacks the rotation of two. Train it with --mode bounded or "
            "anonymous, whose promises are audited, or with --secret rotation"
        )
    return None
