"""The paper's first inversion attack: the discriminator's angle, then a decoder of a*."""

from typing import ClassVar

from phasekey.audit.artefacts import Artefact, DiscriminatorAngles, Reconstructions, RightKeyDecoder
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.attackers.inversion import features_for, invert, tuning_steps
from phasekey.audit.attackers.training import seeded
from phasekey.audit.budget import Effort
from phasekey.audit.errors import AuditError

ESTIMATOR = "discriminator-angle"


class InversionOne(Attack):
    """Undo the rotation by the angle that a discriminator likes best, then decode."""

    name: ClassVar[str] = "inversion-1"
    leak: ClassVar[Leak] = "inversion"
    title: ClassVar[str] = "Inversion 1 (paper)"
    source: ClassVar[str] = "Xiang et al. 2020, section 4.3"
    how: ClassVar[str] = "Turns x back by the discriminator's angle, and trains a U-Net on what it gets."
    remedy: ClassVar[str] = "Train against angle attackers, and send a feature narrower than the data."
    provides: ClassVar[tuple[type[Artefact], ...]] = (Reconstructions,)
    needs: ClassVar[tuple[type[Artefact], ...]] = (RightKeyDecoder, DiscriminatorAngles)

    def steps(self, effort: Effort) -> int:
        """Steps of the decoder's training."""
        return tuning_steps(effort)

    def run(self, context: Context) -> Findings:
        """Images decoded from a* by the discriminator's angle."""
        view = context.view
        angles = context.get(DiscriminatorAngles)
        if angles is None:
            raise AuditError(f"{self.name} needs the findings of {ESTIMATOR}; run it before")
        with seeded(context.seed):
            return invert(context, features_for(view, angles), context.get(RightKeyDecoder)).findings()
