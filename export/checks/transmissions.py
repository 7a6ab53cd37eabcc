"""x as a device would send it, without a key: of real images, or of synthetic ones where there are no others.

Synthetic images are those that decoys are made of. They follow a Gaussian law of the training images
(phasekey.model.hiding.sampler), so their features have the size of real ones; and the encoder's graph draws
them by itself, unless decoys come from an archive: then they are drawn here.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.graphs import Graphs
from export.session import open_graph
from phasekey.graph_runtime import GraphSession
from phasekey.model import SplitNetwork
from phasekey.model.hiding.secrets import draw_secret, hide, reveal

SAMPLES = 128
LARGEST = 8 * 2**20  # bytes of x; networks with a larger x, which are slow ones, get fewer samples
FEWEST = 4
_SYNTHETIC_BATCH = 16
BATCH = 20  # real images in one run
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


def blocks_of(network: SplitNetwork) -> int:
    """Components that lie in blocks of one sample of x: k, or 1 where they are samples by themselves."""
    return 1 if network.secret == "permutation" else network.components


def hidden(rows: Floats, secret: Tensor, *, permuted: bool) -> Floats:
    """Hide as the device does, X = QM, on numpy arrays.

    Args:
        rows: M, (N, k, C, ...) float32: the feature, then its decoys.
        secret: Q, (N, k, k).
        permuted: whether the rows travel as samples by themselves.

    Returns:
        (N, kC, ...) float32, or (Nk, C, ...) where permuted.
    """
    x: Floats = hide(torch.from_numpy(rows), secret).numpy()
    return x.reshape(-1, *rows.shape[2:]) if permuted else x


def revealed(h: Floats, secret: Tensor, *, permuted: bool) -> Floats:
    """Undo the secret and keep the feature: row 0 of Qᵀh.

    Args:
        h: (N, kD, ...) float32, or (Nk, D, ...) where permuted.
        secret: Q, (N, k, k).
        permuted: whether the rows travel as samples by themselves.

    Returns:
        (N, D, ...) float32.
    """
    mixed = h.reshape(len(secret), -1, *h.shape[2:]) if permuted else h
    found: Floats = reveal(torch.from_numpy(mixed), secret).float().numpy()
    return found


def synthetic_x(network: SplitNetwork, graphs: Graphs, *, seed: int = 0) -> Floats:
    """Make x of synthetic images, k for each, under random secrets.

    Args:
        network: says how many components and what secret.
        graphs: the encoder among them draws the features.
        seed: the same seed, the same x.

    Returns:
        (N, kC, H, W) float32, or (Nk, C, H, W) of a permutation. N is 128, or what fits 8 MiB, but at least
        4.
    """
    k, generator = network.components, torch.Generator().manual_seed(seed)
    count = max(FEWEST, min(SAMPLES, LARGEST // (k * 4 * math.prod(network.feature_shape))))
    drawn = _synthetic_features(network, open_graph(graphs.encoder), k * count, generator)
    secret = draw_secret(network.secret, count, k, generator=generator)
    rows = drawn.reshape(k, count, *network.feature_shape).swapaxes(0, 1)
    return hidden(np.ascontiguousarray(rows), secret, permuted=network.secret == "permutation")


def _synthetic_features(
    network: SplitNetwork, encoder: GraphSession, count: int, generator: torch.Generator
) -> Floats:
    image = encoder.inputs[0]
    if len(encoder.inputs) == 1:
        parts = _split(synthetic_images(network, image.dtype, count, generator))
        return np.concatenate([encoder.run({"image": part})["feature"] for part in parts])
    decoys = network.components - 1  # that one run gives for an image
    noise = torch.randn(-(-count // decoys), decoys * network.noise_size, generator=generator).numpy()
    blank = np.zeros((_SYNTHETIC_BATCH, *(n or 1 for n in image.shape[1:])), image.dtype)
    found = [encoder.run({"image": blank[: len(part)], "noise": part})["decoy"] for part in _split(noise)]
    return np.concatenate(found).reshape(-1, *network.feature_shape)[:count]


def synthetic_images(
    network: SplitNetwork, dtype: str, count: int, generator: torch.Generator
) -> NDArray[np.generic]:
    """Draw images of the sampler's law.

    Args:
        network: holds the sampler.
        dtype: "uint8" for 0 to 255, "float32" for 0 to 1.
        count: N.
        generator: the randomness.

    Returns:
        (N, H, W, C).
    """
    noise = torch.randn(count, network.sampler.noise_size, generator=generator)
    pixels: Tensor = network.sampler(noise).permute(0, 2, 3, 1).contiguous()
    found: NDArray[np.generic] = (
        (255 * pixels).round().to(torch.uint8) if dtype == "uint8" else pixels
    ).numpy()
    return found


def _split(array: NDArray[np.generic]) -> list[NDArray[np.generic]]:
    return [array[start : start + _SYNTHETIC_BATCH] for start in range(0, len(array), _SYNTHETIC_BATCH)]


def transmissions(
    network: SplitNetwork, encoder: GraphSession, images: NDArray[np.uint8], *, seed: int = 0
) -> Iterator[tuple[Floats, Tensor]]:
    """Make x of real images, with secrets and decoys drawn from a seed.

    Where decoys come from an archive, they are the features of the batch's other images.

    Args:
        network: says how many components and what secret.
        encoder: its graph.
        images: uint8 (N, H, W, C).
        seed: of the draw.

    Yields:
        Batches of 20: x, (n, kC, H, W) float32 or (nk, C, H, W) of a permutation, and Q, (n, k, k).
    """
    generator = torch.Generator().manual_seed(seed)
    dtype = encoder.inputs[0].dtype
    for start in range(0, len(images), BATCH):
        batch = images[start : start + BATCH]
        pixels = batch if dtype == "uint8" else batch.astype(np.float32) / np.float32(255)
        rows = _rows(network, encoder, pixels, generator)
        secret = draw_secret(network.secret, len(rows), network.components, generator=generator)
        yield hidden(rows, secret, permuted=network.secret == "permutation"), secret


def _rows(
    network: SplitNetwork, encoder: GraphSession, pixels: NDArray[np.generic], generator: torch.Generator
) -> Floats:
    if len(encoder.inputs) == 1:
        feature = encoder.run({"image": pixels})["feature"]
        return np.stack([np.roll(feature, shift, axis=0) for shift in range(network.components)], axis=1)
    noise = torch.randn(len(pixels), (network.components - 1) * network.noise_size, generator=generator)
    found = encoder.run({"image": pixels, "noise": noise.numpy()})
    decoys = found["decoy"].reshape(len(pixels), -1, *network.feature_shape)
    return np.concatenate([found["feature"][:, None], decoys], axis=1)
