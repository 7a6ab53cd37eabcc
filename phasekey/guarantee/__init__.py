"""What transmissions tell at most, whoever looks: nats (docs/adr/0034), and what they let an attacker do."""

from phasekey.guarantee.errors import GuaranteeError
from phasekey.guarantee.limits import error_at_least, mean_at_most, success_at_most
from phasekey.guarantee.nats import at_most, nats_per_transmission

__all__ = [
    "GuaranteeError",
    "at_most",
    "error_at_least",
    "mean_at_most",
    "nats_per_transmission",
    "success_at_most",
]
