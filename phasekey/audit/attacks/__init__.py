"""All attacks, one small file each, in the order in which they run."""

from phasekey.audit.attack import Attack
from phasekey.audit.attacks.decoy_pool import DecoyPool
from phasekey.audit.attacks.membership import Membership
from phasekey.audit.attacks.repeated_query import RepeatedQuery

ATTACKS: tuple[Attack, ...] = (
    DecoyPool(),
    RepeatedQuery(),
    Membership(),
)
