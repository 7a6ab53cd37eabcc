"""The parts of a manifest. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from phasekey.bundle.tensors import TensorSpec


@dataclass(frozen=True)
class GraphFile:
    """One ONNX graph: its file name, SHA-256 (64 hex digits), inputs and outputs."""

    file: str
    sha256: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True)
class ImageSpec:
    """The images that the encoder takes, each (height, width, channels).

    ``dtype`` is ``"uint8"`` (0 to 255) or ``"float32"`` (0 to 1); channels are 1 (grey) or 3 (RGB).
    """

    height: int
    width: int
    channels: int
    dtype: str


@dataclass(frozen=True)
class SecretSpec:
    """What hides a feature among its decoys: the law of the secret matrix Q, and its size (docs/adr/0014).

    ``kind`` is ``"rotation"`` (SO(2), the paper's), ``"orthogonal"`` (Haar's law on O(k)) or
    ``"permutation"``. ``components`` is k: the feature and k - 1 decoys.
    """

    kind: str
    components: int

    @property
    def permutes(self) -> bool:
        """Whether the components travel as samples by themselves, in secret order, and are not mixed."""
        return self.kind == "permutation"


# In the manifest's section `export`: the file beside it that holds the cloud's graph too, where the export
# was asked for one. Its checksum is that of `processing`.
LOCAL_FALLBACK, LOCAL_FILE = "local_fallback", "processing.onnx"
ROTATION = SecretSpec("rotation", 2)  # the paper's, and what every bundle of format 1 has
ARCHIVE = "archive"  # the decoy source of features of private images that the device keeps


@dataclass(frozen=True)
class DecoySpec:
    """Where decoys come from, and how many standard normal numbers one takes.

    ``source`` is what the device draws, ``in_training`` what hid features while the network was trained:
    the two may differ, and what was measured on one does not hold for the other. ``sigma`` multiplies
    decoys of the source ``"gaussian-features"``. With the source ``"archive"`` decoys take no noise.
    """

    source: str
    noise_size: int
    in_training: str
    sigma: float = 1.0

    @property
    def archived(self) -> bool:
        """Whether decoys are features of images that the device keeps, and the encoder gives none."""
        return self.source == ARCHIVE


@dataclass(frozen=True)
class ProofSpec:
    """Whether the processing graph that was shipped is proved to be right whatever the secret.

    ``verdict`` is ``"proved"`` (it commutes with every Q), ``"samples-alike"`` (for permutations: it treats
    each sample by itself, all alike) or ``"unproved"``; both runtimes say the last at every start.
    ``detail`` is the grade of the proof ("exact", "up to quantisation"), or where it stopped.
    """

    verdict: str
    detail: str

    @property
    def warning(self) -> str | None:
        """What a runtime says at its start, or None where there is nothing to say."""
        return UNPROVED if self.verdict == "unproved" else None


UNPROVED = (
    "this bundle was exported with --unsafe-allow-unproved: its processing graph is not proved to commute "
    "with the secret, so predictions may depend on it"
)


@dataclass(frozen=True)
class WireSpec:
    """How x and h travel (docs/adr/0020).

    ``dtype`` is ``"float32"``, ``"float16"`` or ``"int8"``. For int8 a number q on the wire stands for
    q · scale, with one scale for all of x and one for all of h; otherwise both scales are None.
    ``measured`` tells what the choice of dtype cost: errors of h, relative L2 by sample.
    """

    dtype: str
    x_scale: float | None
    h_scale: float | None
    measured: dict[str, Any]
