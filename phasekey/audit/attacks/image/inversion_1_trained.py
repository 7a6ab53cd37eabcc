"""The paper's first inversion attack with the best angle that any trained attacker found."""

from typing import ClassVar

from phasekey.audit.artefacts import (
    AngleEstimates,
    Artefact,
    Reconstructions,
    RecoveredDecoder,
    RightKeyDecoder,
)
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.attackers.angle_estimates import strongest_angles
from phasekey.audit.attackers.inversion import features_for, invert, tuning_steps
from phasekey.audit.attackers.training import seeded
from phasekey.audit.budget import Effort
from phasekey.audit.errors import AuditError


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
    provides: ClassVar[tuple[type[Artefact], ...]] = (Reconstructions, RecoveredDecoder)
    needs: ClassVar[tuple[type[Artefact], ...]] = (RightKeyDecoder, AngleEstimates)

    def steps(self, effort: Effort) -> int:
        """Steps of the decoder's training."""
        return tuning_steps(effort)

    def run(self, context: Context) -> Findings:
        """Images decoded from a* by the closest estimate; it leaves the decoder."""
        view = context.view
        angles = strongest_angles(context) if view.rotated else None
        if view.rotated and angles is None:
            raise AuditError(f"{self.name} needs the findings of an attack on the angle; run one before")
        with seeded(context.seed):
            found = invert(context, features_for(view, angles), context.get(RightKeyDecoder))
        return found.findings(RecoveredDecoder(found.weights))
