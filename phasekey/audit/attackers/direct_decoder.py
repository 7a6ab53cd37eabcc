"""Training the decoder that never asks for the angle, for transmissions whose angle nobody can tell.

The guesses f_1..f_T(x) minimise E min_t ‖f_t(x) - I‖² (multiple choice learning, Guzman-Rivera et al. 2012):
for T = 1 that is E[I | x], for more the points that stand for p(I | x) with the least square error.

They are sought among μ + Bᵀc, with B (P, D) the principal images, which are orthonormal. An image is I = μ +
Bᵀc_I + r with B r = 0, so ‖μ + Bᵀc - I‖² = ‖c - c_I‖² + ‖r‖²: the best guess in P coefficients is the best in
all D pixels, and r, which no guess can reach, is a constant. With the centred images in the rows of X, X Xᵀ v
= λ v makes Xᵀv / √λ a principal image of length 1 (Sirovich 1987): M images need an M × M matrix, however
many pixels they have. Training starts from cluster means, which are the best guesses of one who has no x.
"""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from torch import Tensor, nn

from phasekey.audit.attack import Watch
from phasekey.audit.attackers.angle_estimates import Traffic, mean_direction, probabilities
from phasekey.audit.attackers.networks.direct_images import DirectImages
from phasekey.audit.attackers.networks.energies import Energies
from phasekey.audit.attackers.networks.linear_picture import shrunk
from phasekey.audit.attackers.training import device, fit, pixels_of
from phasekey.audit.budget import Effort
from phasekey.audit.scene.scene import Samples
from phasekey.audit.scene.view import AttackerView

PRINCIPAL = 96  # images; the rest of CIFAR-10's variance is a tenth of what the mean image leaves
FITTED = 1_500  # images whose principal components are taken
BATCH = 256
SURE = 0.9  # length of E[e^{iθ} | x], from which on the angle counts as known
PROBED = 32  # angles of the posterior


def unsure(posterior: Energies, samples: Samples) -> bool:
    """Whether angles are so uncertain that other ways than one decoded image are worth their time.

    Args:
        posterior: the network of the angle.
        samples: whose x, (N, 2C', ...), it is asked of.

    Returns:
        True where |E[e^{iθ} | x]| is below 0.9 on average.
    """
    cos, sin = mean_direction(probabilities(posterior, torch.from_numpy(samples.x).to(device()), PROBED))
    return float((cos.square() + sin.square()).sqrt().mean()) < SURE


def direct_steps(effort: Effort) -> int:
    """Steps of `train_direct`: twice the U-Net's, beside which they cost little.

    Args:
        effort: the budget.

    Returns:
        How many.
    """
    return 2 * effort.image_steps


def train_direct(
    view: AttackerView, posterior: Energies, traffic: Traffic, guesses: int, effort: Effort, watch: Watch
) -> DirectImages:
    """Minimise the square error of the best guess on fresh transmissions.

    Args:
        view: of a device that rotates.
        posterior: the network of the angle, from whose linear view training starts.
        traffic: draws transmissions of the training images.
        guesses: T, of each image.
        effort: the budget.
        watch: told of `direct_steps(effort)` steps.

    Returns:
        The trained network, x (N, 2C', ...) -> (N, T, C, H, W).
    """
    _, height, width, channels = view.train.images.shape
    image = (channels, height, width)
    principal = _principal(shrunk(traffic.pairs.targets(_some(len(traffic))), image).flatten(1))
    start = _start(principal, shrunk(traffic.pairs.targets(_some(len(traffic))), image).flatten(1), guesses)
    # The angle network's view, with which it started: all directions vary alike.
    white = posterior.white.detach().clone()
    network = DirectImages(white, principal, start, image, effort.angle_width).to(device())
    held = torch.from_numpy(view.validation.x).to(device())
    truth = network.project(pixels_of(torch.from_numpy(view.validation.images).to(device())))

    rows = torch.arange(len(traffic), device=device())
    aims = torch.cat([network.project(traffic.pairs.targets(part)) for part in torch.split(rows, 500)])

    def loss(_: nn.Module, rows: Tensor) -> Tensor:
        return _best(network.coefficients(traffic.draw(rows)[0]), aims[rows])

    fit(
        network, loss, lambda _: float(_best(network.coefficients(held), truth)),
        images=len(traffic), steps=direct_steps(effort), batch=BATCH, watch=watch,
    )  # fmt: skip
    return network


def _best(guesses: Tensor, truth: Tensor) -> Tensor:
    errors = F.mse_loss(guesses, truth[:, None].expand_as(guesses), reduction="none").mean(2)
    return errors.min(1).values.mean()


def _some(count: int) -> Tensor:
    return torch.arange(0, count, max(1, count // FITTED), device=device())


def _principal(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (D,) and principal images (P, D), by the Gram matrix: fewer images than pixels."""
    mean = images.mean(0)
    values, vectors = torch.linalg.eigh(((images - mean) @ (images - mean).T).double())
    kept = min(PRINCIPAL, len(images) - 1, images.shape[1])
    directions = (images - mean).T @ (vectors[:, -kept:] / values[-kept:].clamp_min(1e-9).sqrt()).float()
    return mean, directions.T


def _start(principal: tuple[Tensor, Tensor], images: Tensor, guesses: int) -> Tensor:
    """Coefficients (T, P) of as many cluster means."""
    coefficients = ((images - principal[0]) @ principal[1].T).cpu().numpy()
    centres = KMeans(guesses, n_init=3, random_state=0).fit(coefficients).cluster_centers_
    return torch.from_numpy(np.asarray(centres, np.float32)).to(images.device)
