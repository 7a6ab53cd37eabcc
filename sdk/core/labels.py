"""From probabilities to words."""

import numpy as np
import numpy.typing as npt

from phasekey.bundle import Manifest

NONE = "none"  # of the attributes


def label(probabilities: npt.NDArray[np.float32], manifest: Manifest) -> list[str]:
    """What to call each row of probabilities (N, K): the likeliest class, or all likely attributes.

    An attribute is likely above one half; several are joined by commas.
    """
    names = manifest.labels
    if manifest.network.get("task") == "attributes":
        likely = [np.flatnonzero(row > 0.5) for row in probabilities]
        return [", ".join(names[at] for at in row) or NONE for row in likely]
    return [names[at] for at in probabilities.argmax(axis=1)]
