"""Images back from what `bounded` sends, and how far from the truth they must stay at so few nats.

Two attackers: the mean of known images, each weighed by the exact likelihood of its feature; and the
likeliest image of a Gaussian prior of principal components, sought by the encoder's gradient (MAP, as GLASS
and DRAG search their generators; Li et al. 2023, Lei et al. 2025). The second is brought nearer to the mean
image as far as that helps on known images: where little is told, the likeliest image is bolder than the mean.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from phasekey.audit.attackers.networks.image_prior import ImagePrior
from phasekey.audit.attackers.training import device
from phasekey.audit.claims.bounded.posterior import Scores
from phasekey.audit.claims.transmissions import Floats

STEPS, RATE, PART = 40, 0.1, 250  # of a search by gradient; images at a time
LEAST = 0.02  # of 1 - aᵀW⁻¹a; from there the logarithm goes on as its tangent, so that a search finds back
TILTS, SHIFTS = 12, 20  # tried of the bound's λ; mean shifts to a mode


def posterior_mean(weight: Scores, images: NDArray[np.uint8]) -> Floats:
    """Average known images: weights (N, P), uint8 (P, H, W, C) -> (N, H, W, C) in [0, 1]."""
    flat = images.reshape(len(images), -1).astype(np.float32)
    mean = weight.astype(np.float32) @ flat / 255
    return np.asarray(mean.reshape(len(weight), *images.shape[1:]), np.float32)


def likeliest(prior: ImagePrior, encode: nn.Module, seen: Floats, components: int) -> Floats:
    """Seek argmax over z of Σ_n ½(k - D - 2) ln(1 - aᵀW_n⁻¹a) - ½|z|², a = g(G(z)) of the stated length.

    Args:
        prior: G, whose latents are N(0, I).
        encode: g, images (N, C, H, W) in [0, 1] -> features (N, D), with a gradient.
        seen: W of each image's transmissions, (N, n, D, D).
        components: k.

    Returns:
        Images (N, H, W, C) in [0, 1].
    """
    inverse = torch.from_numpy(np.linalg.inv(seen.astype(np.float64)).astype(np.float32))
    return np.concatenate(
        [_likeliest(prior, encode, part.to(device()), components) for part in torch.split(inverse, PART)]
    )


def _likeliest(prior: ImagePrior, encode: nn.Module, inverse: Tensor, components: int) -> Floats:
    power = 0.5 * (components - inverse.shape[-1] - 2)
    latent = torch.zeros(len(inverse), prior.latent, device=inverse.device, requires_grad=True)
    optimiser = torch.optim.Adam([latent], lr=RATE)
    with torch.enable_grad():
        for _ in range(STEPS):
            feature = encode(prior.images(latent))
            taken = torch.einsum("ni,nmij,nj->nm", feature, inverse, feature)
            left = 1 - taken
            within = left.clamp_min(LEAST)
            told = power * (within.log() + (left - within) / LEAST).sum()
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(0.5 * latent.square().sum() - told)
            optimiser.step()
    with torch.no_grad():
        found: Floats = prior.images(latent).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
    return found


def bolder_by(found: Floats, truth: Floats, mean: Floats) -> float:
    """How much of their way from the mean image estimates should keep: least squares, from 0 to 1.

    Args:
        found: estimates of images that the attacker knows, (N, H, W, C).
        truth: these.
        mean: image, (H, W, C).
    """
    away, wanted = found - mean, truth - mean
    size = float(np.square(away, dtype=np.float64).sum())
    return 0.0 if size == 0 else float(np.clip((away * wanted).sum(dtype=np.float64) / size, 0, 1))


def rmse_at_least(images: NDArray[np.uint8], nats: float) -> float:
    """Bound from below any attacker's RMSE who is told so many nats, images being drawn from these at random.

    Let f be the mean square error of an estimate x̂ made of what was seen, P the joint law and Q that of
    independent ones. Donsker and Varadhan (1975): -λ E_P f ≤ K + ln E_Q e^{-λf} for every λ > 0, and under Q
    the last is at most ln M(λ), M(λ) the largest value over all x̂ of the mean of e^{-λf} over the images. So
    E_P f ≥ -(K + ln M(λ))/λ. Each M is a mode of a Gaussian mixture, sought by mean shifts (Fukunaga and
    Hostetler 1975) from every image and from the mean.

    Args:
        images: uint8 (N, H, W, C), all that could have been sent.
        nats: K, what the attacker was told at most.

    Returns:
        On [0, 1]; 0 where nothing follows.
    """
    flat = images.reshape(len(images), -1).astype(np.float64) / 255
    products = flat @ flat.T / flat.shape[1]
    spread = _errors(products, np.full((len(flat), 1), 1 / len(flat)))
    scale = np.sqrt(2 * max(nats, 1e-6) / max(float(spread.var()), 1e-12))
    bounds = [-(nats + _log_mode(products, tilt)) / tilt for tilt in scale * np.geomspace(0.25, 4, TILTS)]
    return float(np.sqrt(max(0.0, *bounds)))


def _errors(products: Scores, mixed: Scores) -> Scores:
    """Mean square error of mixtures of images (their columns) from each image: (N, N), (N, S) -> (N, S)."""
    pulled = products @ mixed
    return np.asarray(np.diag(products)[:, None] - 2 * pulled + (mixed * pulled).sum(0))


def _log_mode(products: Scores, tilt: float) -> float:
    count = len(products)
    mixed = np.concatenate([np.full((count, 1), 1 / count), np.eye(count)], axis=1)
    for _ in range(SHIFTS):
        raised = np.exp(-tilt * _errors(products, mixed))
        mixed = raised / raised.sum(0)
    return float(np.log(np.exp(-tilt * _errors(products, mixed)).mean(0).max()))
