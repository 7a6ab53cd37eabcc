"""The strongest attacker on the angle that we know: a posterior over the circle that turns with x."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phasekey.audit.scene.scene import Floats

HIDDEN = 64  # units of the second layer


class Energies(nn.Module):
    """x (N, 2C, ...), candidates (N, A) -> scores (N, A), whose softmax over an even grid is p(θ | x).

    Feature and decoy are independent, so log p(φ | x) = log p(a = Re[x e^{-iφ}]) + log p(b = Im[x e^{-iφ}]):
    a score is the sum of two networks, one for each part. Both see x turned by the candidate, so that
    nothing about rotations has to be learned. white: (K, D), a linear view of features and decoys, in which
    training starts. centre: mean feature and mean decoy, (D,) each. width: of each first layer.
    """

    white: Tensor
    centre: Tensor

    def __init__(self, white: Floats, centre: tuple[Floats, Floats], width: int) -> None:
        super().__init__()
        self.register_buffer("white", torch.from_numpy(white.T.copy()))
        self.register_buffer("centre", torch.stack([torch.from_numpy(mean @ white.T) for mean in centre]))
        self.feature, self.decoy = (_Side(white.shape[0], width) for _ in range(2))

    def forward(self, x: Tensor, angles: Tensor) -> Tensor:
        real, imaginary = (half.flatten(1) @ self.white for half in x.chunk(2, 1))
        cos, sin = angles.cos()[..., None], angles.sin()[..., None]
        # x e^{-iφ} = (cos φ·R + sin φ·I) + i (cos φ·I - sin φ·R)
        scores: Tensor = self.feature(real, imaginary, cos, sin, self.centre[0]) + self.decoy(
            imaginary, -real, cos, sin, self.centre[1]
        )
        return scores


class _Side(nn.Module):
    """Scores of one part t = cos φ·u + sin φ·v: q·t² + m(Wt), m a perceptron.

    W is linear and q·t² a form in cos φ and sin φ, so u and v pass both once for all φ.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.quadratic = nn.Parameter(torch.zeros(inputs))
        self.rest = nn.Sequential(
            nn.LayerNorm(width), nn.GELU(),
            nn.Linear(width, HIDDEN), nn.LayerNorm(HIDDEN), nn.GELU(),
            nn.Linear(HIDDEN, 1),
        )  # fmt: skip

    def forward(self, u: Tensor, v: Tensor, cos: Tensor, sin: Tensor, centre: Tensor) -> Tensor:
        weight = self.first.weight
        bias = self.first.bias - weight @ centre
        turned = cos * F.linear(u, weight)[:, None] + sin * F.linear(v, weight)[:, None] + bias
        squares = torch.stack([u * u, 2 * u * v, v * v], dim=1) @ self.quadratic / len(self.quadratic) ** 0.5
        form = torch.cat([cos * cos, cos * sin, sin * sin], dim=2)
        scores: Tensor = self.rest(turned)[..., 0] + (form * squares[:, None]).sum(2)
        return scores


def angle_loss(network: nn.Module, x: Tensor, theta: Tensor, candidates: int) -> Tensor:
    """Cross-entropy of the posterior over an even grid that lies anywhere.

    Where θ falls between two angles of the grid, both share the truth, the nearer one the more.

    Args:
        network: x and angles (N, A) -> scores (N, A).
        x: (N, 2C', ...).
        theta: the true angles, radians (N,).
        candidates: A, angles of the grid.

    Returns:
        A scalar, the mean over N.
    """
    offset = torch.rand_like(theta)[:, None] - 0.5
    steps = torch.arange(candidates, device=theta.device)
    angles = theta[:, None] + 2 * torch.pi / candidates * (steps + offset)
    posterior = F.log_softmax(network(x, angles), dim=1)
    shares = [1 - offset.abs(), (-offset).clamp_min(0), offset.clamp_min(0)]
    share = torch.cat(shares, dim=1) * posterior[:, [0, 1, -1]]
    return -share.sum(1).mean()
