"""All attacks, one small file each, in the order in which they run."""

from phasekey.audit.attack import Attack

ATTACKS: tuple[Attack, ...] = ()
