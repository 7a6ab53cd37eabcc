"""The device of an exported bundle: its ONNX graphs, as edge_runtime and a server run them."""

from pathlib import Path

import numpy as np

from edge_runtime import Decoder, Encoder
from phasekey.audit.errors import AuditError
from phasekey.audit.numerics.arrays import unit
from phasekey.audit.scene.scene import Floats, Pixels
from phasekey.audit.subject.batches import in_batches
from phasekey.bundle import Manifest, edge_of, load_manifest
from phasekey.bundle.checksums import sha256_of_file
from phasekey.graph_runtime import GraphSession
from sdk.wire_format import from_wire, to_wire

THREADS = 0  # every core


class BundleDevice:
    """The three graphs of one export.

    folder: build/NAME, or build/NAME/edge alone: then `processes` is False unless the cloud's half lies
    beside it. Raises BundleError where no bundle is, or a damaged one; AuditError for a cloud half that is
    another export's.
    """

    rotated = True  # nothing else is exported

    def __init__(self, folder: Path) -> None:
        self.edge = edge_of(folder).absolute()
        self.manifest: Manifest = load_manifest(self.edge)
        self._encoder = Encoder(self.edge, self.manifest, threads=THREADS)
        self._decoder = Decoder(self.edge, self.manifest, threads=THREADS)
        self._processing = _open_processing(self.edge.parent / "cloud", self.manifest)
        self.processes = self._processing is not None

    def encode(self, images: Pixels) -> Floats:
        """a = g(I), by the encoder's graph.

        Args:
            images: uint8 (N, H, W, C).

        Returns:
            (N, C', ...) float32.
        """
        return in_batches(self._encode, images)

    def _encode(self, images: Pixels) -> Floats:
        pixels, decoy = self._pixels(images), self.manifest.decoy
        if decoy.archived:
            return self._encoder.features(pixels)
        drawn = (self.manifest.secret.components - 1) * decoy.noise_size
        return self._encoder.encode(pixels, np.zeros((len(images), drawn), np.float32))[0]

    def _pixels(self, images: Pixels) -> Pixels | Floats:
        return images if self.manifest.image.dtype == "uint8" else unit(images)

    def decoys(self, count: int, rng: np.random.Generator) -> Floats:
        """Fresh decoys by the encoder's graph.

        Args:
            count: how many.
            rng: of the noise that they follow from.

        Returns:
            (count, C', ...) float32.
        """
        noise = rng.standard_normal((count, self.manifest.decoy.noise_size)).astype(np.float32)
        return in_batches(self._decoys, noise)

    def _decoys(self, noise: Floats) -> Floats:
        image = self.manifest.image
        blank = np.zeros((len(noise), image.height, image.width, image.channels), image.dtype)
        return self._encoder.encode(blank, noise)[1]

    def send(self, feature: Floats, rng: np.random.Generator) -> Floats:  # noqa: ARG002
        """Not asked of a device that rotates; the feature as it is.

        Args:
            feature: (N, C', ...).
            rng: not drawn from.

        Returns:
            The feature.
        """
        return feature

    def carry(self, x: Floats) -> Floats:
        """x as it arrives: what float16 or int8 leaves of it (docs/adr/0020).

        Args:
            x: (N, 2C', ...) float32.

        Returns:
            The same shape, float32.
        """
        return in_batches(self._carry, x)

    def _carry(self, x: Floats) -> Floats:
        scale = np.float32(self.manifest.wire.x_scale or 1)
        return to_wire(x, self.manifest.wire).astype(np.float32) * scale

    def process(self, x: Floats) -> Floats:
        """h = Φ(x) by the cloud's graph, over the wire's type both ways.

        Args:
            x: (N, 2C', ...) float32.

        Returns:
            (N, 2D, ...) float32.

        Raises:
            AuditError: the cloud's half is not in the folder.
        """
        return in_batches(self._process, x)

    def _process(self, x: Floats) -> Floats:
        if self._processing is None:
            raise AuditError(f"the cloud's half is not beside {self.edge}: give build/NAME whole")
        wire = self.manifest.wire
        return from_wire(self._processing.run({"x": to_wire(x, wire)})["h"], wire)

    def decode(self, processed: Floats) -> Floats:
        """Probabilities by the decoder's graph.

        Args:
            processed: Re[h e^{-iθ}], (N, D, ...).

        Returns:
            (N, K).
        """
        return in_batches(self._decoder.decode, processed)


def _open_processing(cloud: Path, manifest: Manifest) -> GraphSession | None:
    path = cloud / manifest.model_name / "1" / manifest.processing.file
    if not path.is_file():
        return None
    if sha256_of_file(path) != manifest.processing.sha256:
        raise AuditError(f"{path} is damaged or another export's; copy the bundle again, or export again")
    return GraphSession(path, threads=THREADS)
