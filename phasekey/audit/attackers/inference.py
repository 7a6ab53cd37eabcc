"""What the inference attacks share: the strongest angles and images of the attacks before them."""

import numpy as np

from phasekey.audit.artefacts import AngleEstimates, Reconstructions, RecoveredDecoder
from phasekey.audit.attack import Attack, Context
from phasekey.audit.attackers.angle_estimates import strongest_angles
from phasekey.audit.attackers.image_decoder import images_by
from phasekey.audit.attackers.inversion import features_for, restored
from phasekey.audit.budget import Effort
from phasekey.audit.errors import AuditError
from phasekey.audit.scene.scene import Floats
from phasekey.audit.scene.view import AttackerView


def angles_for(attack: Attack, context: Context) -> AngleEstimates | None:
    """The closest estimates of all attacks before.

    Args:
        attack: which asks, for the message.
        context: of that attack.

    Returns:
        None of a device without rotation.

    Raises:
        AuditError: no attack on the angle ran before.
    """
    if not context.view.rotated:
        return None
    found = strongest_angles(context)
    if found is None:
        raise AuditError(f"{attack.name} needs the findings of an attack on the angle; run one before")
    return found


def strongest_inversion(attack: Attack, context: Context) -> Reconstructions:
    """The reconstructions with the smallest error on validation images.

    Args:
        attack: which asks, for the message.
        context: of that attack.

    Returns:
        Those of one attack.

    Raises:
        AuditError: no attack left any.
    """
    found = context.all(Reconstructions)
    if not found:
        raise AuditError(f"{attack.name} needs the images of inversion-1-trained; run it before")
    return min(found, key=lambda images: float(images.validation_rmse[0]))


def decoded_splits(
    view: AttackerView, effort: Effort, decoder: RecoveredDecoder, angles: AngleEstimates | None
) -> tuple[Floats, Floats, Floats]:
    """dec(a*) of the three splits.

    Args:
        view: what the attacker holds.
        effort: the budget.
        decoder: weights of the decoder of a*.
        angles: estimates, None of a device without rotation.

    Returns:
        Images (N, C, H, W) of train, validation and test.
    """
    network = restored(view, effort, decoder)
    train, validation, test = (
        channels_first(images_by(network, part)) for part in features_for(view, angles)
    )
    return train, validation, test


def channels_first(images: Floats) -> Floats:
    """An attack's only guesses of images as networks take them.

    Args:
        images: (N, 1, H, W, C).

    Returns:
        (N, C, H, W), contiguous.
    """
    return np.ascontiguousarray(images[:, 0].transpose(0, 3, 1, 2))
