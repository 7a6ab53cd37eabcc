"""The paper's first inversion attack: the discriminator's angle, then a decoder of a*."""

from collections.abc import Mapping
from typing import ClassVar

from phasekey.audit.attack import Attack, Findings, Leak, Watch
from phasekey.audit.attackers.angle_estimates import angles_of
from phasekey.audit.attackers.inversion import features_for, invert, tuning_steps
from phasekey.audit.attackers.training import seeded
from phasekey.audit.budget import Effort
from phasekey.audit.errors import AuditError
from phasekey.audit.scene.scene import Scene

ESTIMATOR = "discriminator-angle"


class InversionOne(Attack):
    """Undo the rotation by the angle that a discriminator likes best, then decode."""

    name: ClassVar[str] = "inversion-1"
    leak: ClassVar[Leak] = "inversion"
    title: ClassVar[str] = "Inversion 1 (paper)"
    source: ClassVar[str] = "Xiang et al. 2020, section 4.3"
    how: ClassVar[str] = "Turns x back by the discriminator's angle, and trains a U-Net on what it gets."
    remedy: ClassVar[str] = "Train against angle attackers, and send a feature narrower than the data."
    after: ClassVar[tuple[str, ...]] = ("right-key", ESTIMATOR)

    def steps(self, effort: Effort) -> int:
        """Of the decoder."""
        return tuning_steps(effort)

    def run(
        self, scene: Scene, effort: Effort, seed: int, earlier: Mapping[str, Findings], watch: Watch
    ) -> Findings:
        """See `inverting.invert`."""
        angles = angles_of(ESTIMATOR, earlier[ESTIMATOR]) if ESTIMATOR in earlier else None
        if angles is None:
            raise AuditError(f"{self.name} needs the findings of {ESTIMATOR}; run it before")
        with seeded(seed):
            return invert(scene, features_for(scene, angles), effort, earlier, watch)
