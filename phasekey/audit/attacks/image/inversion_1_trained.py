"""The paper's first inversion attack with the best angle that any trained attacker found."""

from collections.abc import Mapping
from typing import ClassVar

from phasekey.audit.attack import Attack, Findings, Leak, Watch
from phasekey.audit.attackers.angle_estimates import strongest_angles
from phasekey.audit.attackers.inversion import features_for, invert, tuning_steps
from phasekey.audit.attackers.training import seeded
from phasekey.audit.budget import Effort
from phasekey.audit.errors import AuditError
from phasekey.audit.scene.scene import Scene


class InversionOneTrained(Attack):
    """Undo the rotation by a trained estimate, then decode."""

    name: ClassVar[str] = "inversion-1-trained"
    leak: ClassVar[Leak] = "inversion"
    title: ClassVar[str] = "Inversion 1, trained angle"
    source: ClassVar[str] = "Xiang et al. 2020, section 4.3, with a stronger angle"
    how: ClassVar[str] = (
        "Turns x back by the best angle of all attacks on it, and trains a decoder on what it gets."
    )
    remedy: ClassVar[str] = "Train against angle attackers, and send a feature narrower than the data."
    needs_rotation: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = (
        "right-key",
        "mean-template",
        "likelihood",
        "discriminator-angle",
        "angle-network",
        "manifold-fit",
    )

    def steps(self, effort: Effort) -> int:
        """Of the decoder."""
        return tuning_steps(effort)

    def run(
        self, scene: Scene, effort: Effort, seed: int, earlier: Mapping[str, Findings], watch: Watch
    ) -> Findings:
        """See `inverting.invert`."""
        angles = strongest_angles(scene, earlier) if scene.rotated else None
        if scene.rotated and angles is None:
            raise AuditError(f"{self.name} needs the findings of an attack on the angle; run one before")
        with seeded(seed):
            return invert(scene, features_for(scene, angles), effort, earlier, watch)
