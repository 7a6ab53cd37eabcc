"""p(θ | x) by a trained network: for the attack on the angle, and for all that decode or classify x."""

import numpy as np
import torch
from torch import nn

from phasekey.audit.artefacts import PosteriorWeights
from phasekey.audit.attack import Context, CurvePoint, Watch
from phasekey.audit.attackers.angle_estimates import Traffic, angles_like, candidate_angles
from phasekey.audit.attackers.networks.energies import Energies, angle_loss
from phasekey.audit.attackers.training import Bank, device, fit, pack, unpack
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.circle import softmax
from phasekey.audit.numerics.whitening import spectrum
from phasekey.audit.scene.scene import Floats, Samples
from phasekey.audit.scene.view import AttackerView

CANDIDATES = 16  # angles that a step tells apart
RATE = 5e-3
PART = 250  # transmissions at a time, of which all angles are scored


def train_posterior(
    view: AttackerView, effort: Effort, watch: Watch
) -> tuple[Energies, tuple[CurvePoint, ...]]:
    """Learn which angle makes x a feature over a decoy, from fresh transmissions of the training split.

    Args:
        view: what the attacker holds, a device that rotates.
        effort: the budget, of which `angle_steps` are taken.
        watch: told of every step.

    Returns:
        The network, and the losses of its training.

    Raises:
        ValueError: nothing is rotated.
    """
    network = _network(view.train, effort.angle_width)
    traffic, check = Traffic(view), Bank(view.validation)
    curve = fit(
        network, lambda net, rows: angle_loss(net, *traffic.draw(rows), CANDIDATES),
        lambda net: _validation_loss(net, check),
        images=len(traffic), steps=effort.angle_steps, batch=effort.batch, rate=RATE, watch=watch,
    )  # fmt: skip
    return network, curve


def kept(network: Energies) -> PosteriorWeights:
    """The network's weights for later attacks, from which `known_posterior` makes it again.

    Args:
        network: trained.

    Returns:
        The artefact.
    """
    return PosteriorWeights(pack(network), np.array([network.white.shape[1]]))


def known_posterior(context: Context) -> Energies:
    """The network of an earlier attack; a new one where there was none.

    Args:
        context: of the attack that wants it.

    Returns:
        In evaluation mode where it was kept.
    """
    view, effort, known = context.view, context.effort, context.get(PosteriorWeights)
    if known is None:
        return train_posterior(view, effort, context.watch)[0]
    size = view.train.feature[0].size
    empty = np.zeros(size, np.float32)
    white = np.zeros((int(known.directions[0]), size), np.float32)
    network = Energies(white, (empty, empty), effort.angle_width)
    unpack(network, known.weights)
    return network.to(device()).eval()


@torch.no_grad()
def posterior(network: nn.Module, x: Floats, angles: int) -> Floats:
    """p(θ | x) of transmissions on an even grid.

    Args:
        network: from `train_posterior`.
        x: (N, 2C', ...).
        angles: how many, A.

    Returns:
        Probabilities (N, A) float32.
    """
    network.eval()
    candidates = candidate_angles(angles)
    parts = torch.split(torch.from_numpy(x), PART)
    scores = [network(part.to(device()), candidates.expand(len(part), -1)).cpu() for part in parts]
    return softmax(torch.cat(scores).numpy())


def _network(samples: Samples, width: int) -> Energies:
    assert samples.decoy is not None  # noqa: S101 - why_not left out scenes without rotation
    feature, decoy = (part.reshape(len(samples), -1) for part in (samples.feature, samples.decoy))
    means = feature.mean(0), decoy.mean(0)
    white = spectrum(np.concatenate([feature - means[0], decoy - means[1]]), centred=False).whitening()
    return Energies(white, means, width)


def _validation_loss(network: nn.Module, bank: Bank) -> float:
    """Of the transmissions as they were sent; grids that hold the true angle."""
    assert bank.theta is not None  # noqa: S101 - as above
    steps = angles_like(CANDIDATES, bank.x)
    scores = [
        network(x, theta[:, None] + steps)
        for x, theta in zip(torch.split(bank.x, PART), torch.split(bank.theta, PART), strict=True)
    ]
    return -float(torch.cat(scores).log_softmax(1)[:, 0].mean())
