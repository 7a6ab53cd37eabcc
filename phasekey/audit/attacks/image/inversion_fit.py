"""The images that the manifold fit found on its way to the angle."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from phasekey.audit.attack import Attack, Findings, Leak, Watch
from phasekey.audit.budget import Effort
from phasekey.audit.errors import AuditError
from phasekey.audit.scene.scene import Scene

FIT = "manifold-fit"


class InversionFit(Attack):
    """min over φ and I of ‖Re[x e^{-iφ}] - g(I)‖ gives an image beside the angle."""

    name: ClassVar[str] = "inversion-fit"
    leak: ClassVar[Leak] = "inversion"
    title: ClassVar[str] = "Images of the manifold fit"
    source: ClassVar[str] = "in the manner of SIMBA (Singh et al. 2021)"
    how: ClassVar[str] = "Takes the image whose feature comes closest to some turn of x."
    remedy: ClassVar[str] = "Send a feature narrower than the data: many images then fit every turn of x."
    after: ClassVar[tuple[str, ...]] = (FIT,)

    def run(
        self,
        scene: Scene,  # noqa: ARG002
        effort: Effort,  # noqa: ARG002
        seed: int,  # noqa: ARG002
        earlier: Mapping[str, Findings],
        watch: Watch,
    ) -> Findings:
        """Nothing to learn: the images are there."""
        if FIT not in earlier or "images" not in earlier[FIT].extra:
            raise AuditError(f"{self.name} needs the images of {FIT}; run it before")
        images = np.asarray(earlier[FIT].extra["images"], np.float32).clip(0, 1)
        watch.advance()
        return Findings(images if images.ndim == 5 else images[:, None])
