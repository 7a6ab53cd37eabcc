"""From probabilities to words."""

import numpy as np
import numpy.typing as npt

from phasekey.bundle import Manifest

NONE = "none"  # of the attributes


def label(probabilities: npt.NDArray[np.float32], manifest: Manifest) -> list[str]:
    """What to call each row of probabilities (N, K): the likeliest class, or all likely attributes.

    An attribute is likely above one half; several are joined by commas.
    """
    names = np.array(manifest.labels)
    if manifest.network.get("task") == "attributes":
        return [", ".join(names[row > 0.5]) or NONE for row in probabilities]
    return [str(name) for name in names[probabilities.argmax(axis=1)]]
