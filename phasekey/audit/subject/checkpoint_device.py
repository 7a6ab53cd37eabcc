"""The device of a checkpoint: the network in PyTorch, in float32, in any of its five forms."""

import numpy as np
import torch
from torch import Tensor

from phasekey.audit.attackers.training import device as processor
from phasekey.audit.attackers.training import pixels_of, seeded
from phasekey.audit.scene.scene import Floats, Pixels
from phasekey.audit.subject.batches import in_batches
from phasekey.model import SplitNetwork
from phasekey.model.network import noise_like

SEEDS = 2**31


class CheckpointDevice:
    """A trained network as its device runs it. What goes out is not rounded for the wire.

    The complex form rotates, the canonical one too. Original and additional send the feature, noisy γ·ε with
    it (section 5.1).
    """

    processes = True

    def __init__(self, network: SplitNetwork) -> None:
        self._network = network.to(processor()).eval()
        self.rotated = network.mixes
        self.encoder = network.encoder  # (N, C, H, W) in [0, 1] -> a, with a gradient

    def encode(self, images: Pixels) -> Floats:
        """a = g(I).

        Args:
            images: uint8 (N, H, W, C).

        Returns:
            (N, C', ...) float32.
        """
        return in_batches(self._encode, images)

    @torch.no_grad()
    def _encode(self, images: Pixels) -> Floats:
        pixels = torch.from_numpy(np.ascontiguousarray(images)).to(processor())
        return _array(self._network.encoder(pixels_of(pixels)))

    def decoys(self, count: int, rng: np.random.Generator) -> Floats:
        """As devices draw them: features of synthetic images, or the noise itself (docs/adr/0030).

        Args:
            count: how many.
            rng: of the noise.

        Returns:
            (count, C', ...) float32.
        """
        noise = rng.standard_normal((count, self._network.noise_size)).astype(np.float32)
        if self._network.decoy_source == "gaussian-features":
            return noise
        return in_batches(self._decoys, noise)

    @torch.no_grad()
    def _decoys(self, noise: Floats) -> Floats:
        return _array(self._network.encoder(self._network.sampler(torch.from_numpy(noise).to(processor()))))

    def send(self, feature: Floats, rng: np.random.Generator) -> Floats:
        """The feature, in the noisy form with fresh noise of its own magnitude.

        Args:
            feature: (N, C', ...).
            rng: of the noise.

        Returns:
            (N, C', ...) float32.
        """
        if self._network.form != "noisy":
            return feature
        with seeded(int(rng.integers(SEEDS))):
            return in_batches(self._with_noise, feature)

    def _with_noise(self, feature: Floats) -> Floats:
        values = torch.from_numpy(feature)
        return _array(values + self._network.gamma * noise_like(values))

    def process(self, x: Floats) -> Floats:
        """h = Φ(x), by the network in float32.

        Args:
            x: (N, 2C', ...), or (N, C', ...) of forms that don't rotate.

        Returns:
            h, (N, 2D, ...) or (N, D, ...).
        """
        return in_batches(self._process, x)

    @torch.no_grad()
    def _process(self, x: Floats) -> Floats:
        return _array(self._network.processing(torch.from_numpy(np.ascontiguousarray(x)).to(processor())))

    def decode(self, processed: Floats) -> Floats:
        """Probabilities: of classes they sum to 1, of attributes each has its own.

        Args:
            processed: (N, D, ...).

        Returns:
            (N, K).
        """
        return in_batches(self._decode, processed)

    @torch.no_grad()
    def _decode(self, processed: Floats) -> Floats:
        logits = self._network.decoder(torch.from_numpy(np.ascontiguousarray(processed)).to(processor()))
        return _array(logits.sigmoid() if self._network.task == "attributes" else logits.softmax(-1))


def _array(values: Tensor) -> Floats:
    array: Floats = values.cpu().numpy()
    return array
