"""The decoder of someone who has the key: what inversion could get at best, and what wrong angles give."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from phasekey.audit.attack import Attack, Findings, Leak, Watch
from phasekey.audit.attackers.image_decoder import (
    images_by,
    new_decoder,
    pairs_of,
    sizes,
    train_decoder,
    with_mirrors,
)
from phasekey.audit.attackers.training import pack, seeded
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.scene.scene import Floats, Scene

SHOWN = 8  # images of the sweep
SWEEP = np.linspace(0, np.pi, 9)


class RightKey(Attack):
    """A decoder of raw features, given Re[x e^{-iθ}] = a with the true θ. A yardstick, not an attack."""

    name: ClassVar[str] = "right-key"
    leak: ClassVar[Leak] = "inversion"
    title: ClassVar[str] = "Right key (yardstick)"
    source: ClassVar[str] = "Xiang et al. 2020, Figure 8"
    how: ClassVar[str] = "Is given the secret angle, and returns the image with a decoder of raw features."
    remedy: ClassVar[str] = "An encoder that keeps less of the image leaves less to return to anyone."
    needs_rotation: ClassVar[bool] = False

    def steps(self, effort: Effort) -> int:
        """Of the decoder."""
        return effort.image_steps

    def run(
        self,
        scene: Scene,
        effort: Effort,
        seed: int,
        earlier: Mapping[str, Findings],  # noqa: ARG002
        watch: Watch,
    ) -> Findings:
        """extra: weights of the decoder; sweep (8, 9, H, W, C) over wrong angles sweep_angles (9,);
        unet_sizes: width and layers of a block."""
        with seeded(seed):
            decoder = new_decoder(scene, effort, scene.train.feature.shape[1:])
            validation = pairs_of(scene.validation.feature, scene.validation.images)
            curve = train_decoder(decoder, with_mirrors(scene), validation, effort, effort.image_steps, watch)
        extra = {"weights": pack(decoder), "unet_sizes": np.array(sizes(effort))}
        if scene.rotated:
            swept = images_by(decoder, _wrong(scene))
            extra |= {"sweep": swept.reshape(-1, len(SWEEP), *swept.shape[2:]), "sweep_angles": SWEEP}
        return Findings(images_by(decoder, scene.test.feature), curve=curve, extra=extra)


def _wrong(scene: Scene) -> Floats:
    """Re[x e^{-i(θ + Δ)}] of the first test images, all Δ of one image in a row."""
    x, theta = scene.test.x[:SHOWN], scene.test.theta
    assert theta is not None  # noqa: S101 - only asked of a device that rotates
    angles = theta[:SHOWN, None] + SWEEP
    return unrotate(np.repeat(x, len(SWEEP), axis=0), angles.ravel())
