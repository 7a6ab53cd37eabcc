"""x as a device would send it, without a key: of real images, or of synthetic ones where there are no others.

Synthetic images are those that decoys are made of. They follow a Gaussian law of the training images
(phasekey.model.sampler), so their features have the size of real ones; and the encoder's graph draws them by
itself.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from export.session import open_graph
from phasekey.graph_runtime import GraphSession
from phasekey.model.rotation import rotate

SAMPLES = 128
LARGEST = 8 * 2**20  # bytes of x; networks with a larger x, which are slow ones, get fewer samples
FEWEST = 4
_SYNTHETIC_BATCH = 16
BATCH = 20  # real images in one run
Floats = NDArray[np.float32]


def synthetic_x(encoder: onnx.ModelProto, *, seed: int = 0) -> Floats:
    """x = e^{iθ}(a + ib), (N, 2C, H, W), for two synthetic images each and random θ. The same seed, the
    same x. N is 128, or what fits 8 MiB, but 4 at least."""
    session = open_graph(encoder)
    random = np.random.default_rng(seed)
    image, noise = session.inputs
    size = session.outputs[1].shape[1:]
    count = max(FEWEST, min(SAMPLES, LARGEST // (2 * 4 * math.prod(n or 1 for n in size))))
    drawn = random.standard_normal((2 * count, noise.shape[1] or 1)).astype(np.float32)
    blank = np.zeros((_SYNTHETIC_BATCH, *(n or 1 for n in image.shape[1:])), image.dtype)
    parts = [drawn[start : start + _SYNTHETIC_BATCH] for start in range(0, len(drawn), _SYNTHETIC_BATCH)]
    decoys = [session.run({"image": blank[: len(part)], "noise": part})["decoy"] for part in parts]
    feature, decoy = np.split(np.concatenate(decoys), 2)
    return rotated(feature, decoy, random.uniform(0, 2 * np.pi, count))


def features(
    encoder: GraphSession, images: NDArray[np.uint8], *, seed: int = 0
) -> Iterator[tuple[Floats, NDArray[np.float64]]]:
    """Batches of x = e^{iθ}(a + ib), (N, 2C, H, W), with their θ (N,): a of the images uint8 (N, H, W, C),
    θ and the noise of b drawn from the seed."""
    random = np.random.default_rng(seed)
    image, noise = encoder.inputs
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        pixels = batch if image.dtype == "uint8" else batch.astype(np.float32) / np.float32(255)
        drawn = random.standard_normal((len(pixels), noise.shape[1] or 1)).astype(np.float32)
        encoded = encoder.run({"image": pixels, "noise": drawn})
        theta = random.uniform(0, 2 * np.pi, len(pixels))
        yield rotated(encoded["feature"], encoded["decoy"], theta), theta


def rotated(feature: Floats, decoy: Floats, theta: NDArray[Any]) -> Floats:
    """Eq. 2 on numpy arrays: feature and decoy (N, C, ...), theta (N,) in radians -> x (N, 2C, ...)."""
    turned = rotate(torch.from_numpy(feature), torch.from_numpy(decoy), torch.from_numpy(theta).float())
    x: Floats = turned.numpy()
    return x
