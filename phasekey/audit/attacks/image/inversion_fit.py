"""The images that the manifold fit found on its way to the angle."""

from typing import ClassVar

from phasekey.audit.artefacts import Artefact, FittedImages
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.errors import AuditError

FIT = "manifold-fit"


class InversionFit(Attack):
    """min over φ and I of ‖Re[x e^{-iφ}] - g(I)‖ gives an image beside the angle."""

    name: ClassVar[str] = "inversion-fit"
    leak: ClassVar[Leak] = "inversion"
    title: ClassVar[str] = "Images of the manifold fit"
    source: ClassVar[str] = "in the manner of SIMBA (Singh et al. 2021)"
    how: ClassVar[str] = "Takes the image whose feature comes closest to some turn of x."
    remedy: ClassVar[str] = "Send a feature narrower than the data: many images then fit every turn of x."
    needs: ClassVar[tuple[type[Artefact], ...]] = (FittedImages,)

    def run(self, context: Context) -> Findings:
        """Nothing to learn: the images are there."""
        fitted = context.get(FittedImages)
        if fitted is None:
            raise AuditError(f"{self.name} needs the images of {FIT}; run it before")
        images = fitted.images.clip(0, 1)
        context.watch.advance()
        return Findings(images[:, None])
