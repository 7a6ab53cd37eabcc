"""Devices whose leakage is known: what an attack must break, and where it must stay at chance.

An attack that misses the leaky device would call anything private; one that finds something in the safe ones
reports its own mistakes. Continuous integration holds every attack to both (tests/phasekey/audit/scene).
"""

import hashlib

import numpy as np

from phasekey.audit.budget import Effort
from phasekey.audit.numerics.arrays import unit
from phasekey.audit.numerics.circle import softmax
from phasekey.audit.scene.build import Keys, Labelled, build_scene
from phasekey.audit.scene.scene import DecoyLaw, Device, Floats, Pixels, Scene

CHANNELS, KERNEL, STRIDE = 16, 5, 2
GAUSSIAN_SIZE = 128
CONSTANT_SHAPE = (4, 8, 8)
REACH, DOUBT = 0.02, 0.1  # of the memorising device: of the features' variance; a vote for each class


class LeakyDevice:
    """Random convolutions that end in ReLU, as wide as the image and wider: images (N, H, W, C) ->
    features (N, 16, H/2, W/2), all non-negative. Decoys are features of other known images. The processing
    module is the identity; the decoder is the linear classifier that fits known images best."""

    rotated = True
    processes = True

    def __init__(self, known: Labelled, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        channels = known.images.shape[3]
        self._kernels = rng.standard_normal((KERNEL, KERNEL, channels, CHANNELS)).astype(np.float32)
        self._kernels /= np.sqrt(KERNEL**2 * channels)
        self._known = self.encode(known.images)
        flat = self._known.reshape(len(known), -1)
        self._mean = flat.mean(0)
        self._targets = np.eye(int(known.labels.max()) + 1, dtype=np.float32)[known.labels]
        gram = (flat - self._mean) @ (flat - self._mean).T
        gram[np.diag_indices_from(gram)] += 0.01 * np.trace(gram) / len(gram)
        self._weights = (flat - self._mean).T @ np.linalg.solve(gram, self._targets)

    def encode(self, images: Pixels) -> Floats:
        """ReLU(kernels * image), zero padding, stride 2.

        Args:
            images: uint8 (N, H, W, C).

        Returns:
            (N, 16, H/2, W/2).
        """
        edge = KERNEL // 2
        values = np.pad(unit(images), ((0, 0), (edge, edge), (edge, edge), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(values, (KERNEL, KERNEL), axis=(1, 2))
        feature = np.einsum("nijcyx,yxck->nkij", windows[:, ::STRIDE, ::STRIDE], self._kernels, optimize=True)
        positive: Floats = np.maximum(feature, 0).astype(np.float32)
        return positive

    def decoys(self, count: int, rng: np.random.Generator) -> Floats:
        """Features of known images, drawn anew.

        Args:
            count: how many.
            rng: to draw from.

        Returns:
            (count, 16, H/2, W/2).
        """
        return self._known[rng.integers(len(self._known), size=count)]

    def send(self, feature: Floats, rng: np.random.Generator) -> Floats:  # noqa: ARG002
        """Not asked of a device that rotates; the feature as it is.

        Args:
            feature: (N, C', ...).
            rng: not drawn from.

        Returns:
            The feature.
        """
        return feature

    def process(self, x: Floats) -> Floats:
        """Φ(x) = x, the simplest equivariant map.

        Args:
            x: (N, 32, H/2, W/2).

        Returns:
            The same.
        """
        return x

    def decode(self, processed: Floats) -> Floats:
        """Softmax of the linear classifier.

        Args:
            processed: (N, 16, H/2, W/2).

        Returns:
            Probabilities (N, K).
        """
        return softmax((processed.reshape(len(processed), -1) - self._mean) @ self._weights * 10)


class MemorisingDevice(LeakyDevice):
    """The leaky one with a decoder that learnt its training images by heart: sure of a class next to a known
    image's feature, and of nothing anywhere else. Decoys are noise, which is not next to any."""

    def decoys(self, count: int, rng: np.random.Generator) -> Floats:
        """Positive noise, as large as features are.

        Args:
            count: how many.
            rng: to draw from.

        Returns:
            (count, 16, H/2, W/2).
        """
        size = np.sqrt(np.mean(self._known**2))
        noise: Floats = size * np.abs(rng.standard_normal((count, *self._known.shape[1:]), np.float32))
        return noise

    def decode(self, processed: Floats) -> Floats:
        """Votes of known images by their distance, plus a doubt.

        Args:
            processed: like a feature.

        Returns:
            Probabilities (N, K).
        """
        flat, known = processed.reshape(len(processed), -1), self._known.reshape(len(self._known), -1)
        squares: Floats = (flat**2).sum(1)[:, None] + (known**2).sum(1) - 2 * flat @ known.T
        near = np.exp(-np.maximum(squares, 0) / (REACH * np.sum((known - self._mean) ** 2) / len(known)))
        votes = near @ self._targets + DOUBT
        shares: Floats = (votes / votes.sum(1, keepdims=True)).astype(np.float32)
        return shares


class GaussianDevice:
    """Features and decoys are independent N(0, I): x is circularly symmetric and holds no angle at all.

    The feature follows from a hash of the image, so that one image has one feature, and nothing of two alike
    images is alike.
    """

    rotated = True
    processes = True

    def __init__(self, classes: int = 10, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self._weights = rng.standard_normal((GAUSSIAN_SIZE, classes)).astype(np.float32)

    def encode(self, images: Pixels) -> Floats:
        """Values that follow from a hash of each image.

        Args:
            images: uint8 (N, H, W, C).

        Returns:
            (N, 128).
        """
        return np.stack([_drawn_from(image) for image in images])

    def decoys(self, count: int, rng: np.random.Generator) -> Floats:
        """Fresh values of the features' own law, N(0, I).

        Args:
            count: how many.
            rng: to draw from.

        Returns:
            (count, 128).
        """
        return rng.standard_normal((count, GAUSSIAN_SIZE)).astype(np.float32)

    def send(self, feature: Floats, rng: np.random.Generator) -> Floats:  # noqa: ARG002
        """Not asked of a device that rotates; the feature as it is.

        Args:
            feature: (N, C', ...).
            rng: not drawn from.

        Returns:
            The feature.
        """
        return feature

    def process(self, x: Floats) -> Floats:
        """Φ(x) = x, the simplest equivariant map.

        Args:
            x: (N, 256).

        Returns:
            The same.
        """
        return x

    def decode(self, processed: Floats) -> Floats:
        """Softmax of random scores: as odd as its classifier may be, it is public.

        Args:
            processed: (N, 128).

        Returns:
            Probabilities (N, K).
        """
        return softmax(processed @ self._weights)


class ConstantDevice(GaussianDevice):
    """Every image has the same feature, (4, 8, 8): whatever the angle, x says nothing of the image."""

    def __init__(self, classes: int = 10, seed: int = 0) -> None:
        super().__init__(classes, seed)
        rng = np.random.default_rng(seed)
        self._feature = rng.standard_normal(CONSTANT_SHAPE).astype(np.float32)
        self._map = rng.standard_normal((self._feature.size, classes)).astype(np.float32)

    def encode(self, images: Pixels) -> Floats:
        """The one feature that all images have.

        Args:
            images: uint8 (N, H, W, C).

        Returns:
            (N, 4, 8, 8).
        """
        return np.repeat(self._feature[None], len(images), axis=0)

    def decoys(self, count: int, rng: np.random.Generator) -> Floats:
        """Fresh Gaussian values in the shape of the feature.

        Args:
            count: how many.
            rng: to draw from.

        Returns:
            (count, 4, 8, 8).
        """
        return rng.standard_normal((count, *CONSTANT_SHAPE)).astype(np.float32)

    def decode(self, processed: Floats) -> Floats:
        """Softmax of random scores of the flattened feature.

        Args:
            processed: (N, 4, 8, 8).

        Returns:
            Probabilities (N, K).
        """
        return softmax(processed.reshape(len(processed), -1) @ self._map)


def control_scene(
    device: Device, known: Labelled, unseen: Labelled, effort: Effort, seed: int = 0, *,
    decoy_law: DecoyLaw = "device", keys: Keys = "derived",
) -> Scene:  # fmt: skip
    """A scene around a control, whose property is the label."""
    names = tuple(str(label) for label in range(int(known.labels.max()) + 1))
    return build_scene(
        device, known, unseen, effort, seed,
        property_names=names, property_is_task=True, decoy_law=decoy_law, keys=keys,
    )  # fmt: skip


def _drawn_from(image: Pixels) -> Floats:
    digest = hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()
    rng = np.random.default_rng(np.frombuffer(digest, np.uint32))
    return rng.standard_normal(GAUSSIAN_SIZE).astype(np.float32)
