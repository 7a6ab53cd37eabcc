"""Attacking captured traffic: transmissions of which nobody tells the attacker anything."""

from dataclasses import replace

import numpy as np

from phasekey.audit.errors import AuditError
from phasekey.audit.scene.scene import Floats, Samples, Scene


def with_traffic(scene: Scene, x: Floats) -> Scene:
    """The scene with captured transmissions in place of its test split.

    What is not known of them (images, features, angles, labels) is zero, so findings can be read, but not
    scored.

    Args:
        scene: of the network that they are of.
        x: (N, 2C', ...) float32, real block first, as the cloud got it (int8: times the manifest's
            x_scale).

    Returns:
        A scene without repeats and pool.

    Raises:
        AuditError: x is not shaped as the device sends.
    """
    if x.ndim < 2 or len(x) == 0 or x.shape[1:] != scene.test.x.shape[1:]:
        raise AuditError(
            f"expected transmissions of shape {('N', *scene.test.x.shape[1:])}, got {x.shape}: are these "
            "captured from this network?"
        )
    count, known = len(x), scene.test

    def unknown(like: np.ndarray) -> np.ndarray:
        return np.zeros((count, *like.shape[1:]), like.dtype)

    captured = Samples(
        images=unknown(known.images),
        feature=unknown(known.feature),
        x=np.ascontiguousarray(x, np.float32),
        labels=unknown(known.labels),
        property=unknown(known.property),
        theta=None if known.theta is None else unknown(known.theta),
        decoy=None if known.decoy is None else unknown(known.decoy),
    )
    return replace(scene, test=captured, repeats={}, pool=None)
