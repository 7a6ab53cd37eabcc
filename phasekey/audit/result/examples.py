"""A few test images with what attackers made of them, for the pictures of the report.

These pictures are of inputs, on purpose: seeing is what convinces. Audit with images that may be shown.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.artefacts import KeySweep
from phasekey.audit.attack import Attack, Findings
from phasekey.audit.errors import AuditError
from phasekey.audit.result.result import REFERENCES
from phasekey.audit.scene.scene import Floats, Pixels, Scene
from phasekey.files import write_whole

EXAMPLES_FILE = "examples.npz"
SHOWN = 8
_GUESSES = "guesses."


@dataclass(frozen=True)
class Examples:
    """E test images and what attackers made of them; see also the paper's Figures 2, 7 and 8.

    Attributes:
        inputs: uint8 (E, H, W, C).
        guesses: by the name of an inversion attack, float32 (E, T, H, W, C).
        right_key: what the reference decoder makes of the right angle's feature, float32 (E, H, W,
            C).
        sweep: the same for angles that are off, float32 (E, S, H, W, C).
        sweep_angles: how far off, radians (S,).
    """

    inputs: Pixels
    guesses: Mapping[str, Floats]
    right_key: Floats | None = None
    sweep: Floats | None = None
    sweep_angles: NDArray[np.float64] | None = None

    def save(self, folder: Path) -> None:
        """Write FOLDER/examples.npz whole.

        Args:
            folder: that exists.

        Raises:
            AuditError: the disk refuses it.
        """
        named = {name: getattr(self, name) for name in ("inputs", "right_key", "sweep", "sweep_angles")}
        arrays = {name: values for name, values in named.items() if values is not None}
        arrays |= {_GUESSES + name: values for name, values in self.guesses.items()}
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **arrays)
        write_whole(folder / EXAMPLES_FILE, buffer.getbuffer(), error=AuditError)


def load_examples(folder: Path) -> Examples:
    """Read the images that `save` wrote.

    Args:
        folder: of the report.

    Returns:
        The examples.
    """
    with np.load(folder / EXAMPLES_FILE, allow_pickle=False) as file:
        arrays = dict(file)
    guesses = {
        name.removeprefix(_GUESSES): arrays.pop(name) for name in [*arrays] if name.startswith(_GUESSES)
    }
    return Examples(guesses=guesses, **arrays)


def collect(scene: Scene, attacks: tuple[Attack, ...], findings: Mapping[str, Findings]) -> Examples:
    """The first test images, through all inversion attacks that ran.

    Args:
        scene: with the test images.
        attacks: that ran.
        findings: by an attack's name.

    Returns:
        Eight images at most, with every attack's guesses.
    """
    guesses = {
        attack.name: _first(findings[attack.name].estimate)
        for attack in attacks
        if attack.leak == "inversion" and attack.name in findings and attack.name not in REFERENCES
    }
    reference = findings.get("right-key")
    if reference is None:
        return Examples(scene.test.images[:SHOWN], guesses)
    sweep = reference.get(KeySweep)
    return Examples(
        inputs=scene.test.images[:SHOWN],
        guesses=guesses,
        right_key=_first(reference.estimate)[:, 0],
        sweep=None if sweep is None else _first(sweep.images),
        sweep_angles=None if sweep is None else sweep.angles,
    )


def _first(values: NDArray[np.generic]) -> Floats:
    return values[:SHOWN].astype(np.float32)
