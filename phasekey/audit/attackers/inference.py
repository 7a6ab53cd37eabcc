"""What the inference attacks share: the strongest angles and images of the attacks before them."""

from collections.abc import Mapping

import numpy as np

from phasekey.audit.attack import Attack, Findings
from phasekey.audit.attackers.angle_estimates import Angles, strongest_angles
from phasekey.audit.attackers.image_decoder import images_by
from phasekey.audit.attackers.inversion import features_for, restored
from phasekey.audit.budget import Effort
from phasekey.audit.errors import AuditError
from phasekey.audit.scene.scene import Floats, Scene

ANGLES = ("mean-template", "likelihood", "discriminator-angle", "angle-network", "manifold-fit")
INVERSIONS = ("right-key", "inversion-1", "inversion-1-trained", "inversion-2")


def angles_for(attack: Attack, scene: Scene, earlier: Mapping[str, Findings]) -> Angles | None:
    """The closest estimates of all, None of a device without rotation. Raises AuditError for want of any."""
    if not scene.rotated:
        return None
    found = strongest_angles(scene, earlier)
    if found is None:
        raise AuditError(f"{attack.name} needs the findings of an attack on the angle; run one before")
    return found


def strongest_inversion(attack: Attack, earlier: Mapping[str, Findings]) -> Findings:
    """By the error on validation images, of those that decode a*. Raises AuditError where there is none."""
    found = [
        findings
        for name, findings in earlier.items()
        if name in INVERSIONS and "validation_rmse" in findings.extra
    ]
    if not found:
        raise AuditError(f"{attack.name} needs the images of inversion-1-trained; run it before")
    return min(found, key=lambda findings: float(findings.extra["validation_rmse"][0]))


def decoded_splits(
    scene: Scene, effort: Effort, inversion: Findings, angles: Angles | None
) -> tuple[Floats, Floats, Floats]:
    """dec(a*) of the three splits, images (N, C, H, W)."""
    decoder = restored(scene, effort, inversion)
    train, validation, test = (
        channels_first(images_by(decoder, part)) for part in features_for(scene, angles)
    )
    return train, validation, test


def channels_first(images: Floats) -> Floats:
    """(N, 1, H, W, C) -> (N, C, H, W)."""
    return np.ascontiguousarray(images[:, 0].transpose(0, 3, 1, 2))
