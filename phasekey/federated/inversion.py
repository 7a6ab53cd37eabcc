"""What a plain update shows of its device's images: gradient inversion, as whoever runs the server can.

An update of one step is the batch's gradient but for a factor. The attacker looks for images whose gradient
points the same way (Geiping et al. 2020, equation 4: cosine and total variation). He needs no secret: the
gradient of weights that commute with Q is the same under every Q. No library does this that is kept up and
takes a network in two halves with decoys between them, so these lines are ours.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from phasekey.federated.travelling import put, travelling
from phasekey.federated.updates import Arrays
from phasekey.model import SplitNetwork
from phasekey.training.loop import objective

LEARNING_RATE = 0.1
TOTAL_VARIATION = 0.1


def invert(
    network: SplitNetwork, weights: Arrays, change: Arrays, labels: Tensor, *, steps: int = 300, seed: int = 0
) -> Tensor:
    """Look for the images behind an update of one step.

    Args:
        network: of the run; its weights are set to those of the round.
        weights: of the round, as the device had them.
        change: what came of a device; in a sum of many, or a masked vector, little is found.
        labels: (N,) class indices; the attacker reads them off the decoder's bias or tries them all.
        steps: of Adam.
        seed: of the images that the search begins with.

    Returns:
        Images (N, C, H, W) in [0, 1]; N is 2, as each is the other's decoy then.
    """
    put(network, weights)
    network.train()
    network.encoder.eval()
    learnt = list(travelling(network).values())
    target = torch.cat([-torch.from_numpy(part).flatten() for part in change])
    generator = torch.Generator().manual_seed(seed)
    guess = torch.randn(len(labels), *network.image, generator=generator).mul_(0.1).requires_grad_()
    optimiser = torch.optim.Adam([guess], lr=LEARNING_RATE)
    for _ in range(steps):
        optimiser.zero_grad()
        images = guess.sigmoid()
        gradient = torch.autograd.grad(_loss(network, images, labels), learnt, create_graph=True)
        apart = 1 - F.cosine_similarity(torch.cat([part.flatten() for part in gradient]), target, dim=0)
        (apart + TOTAL_VARIATION * _total_variation(images)).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    network.eval()
    return guess.detach().sigmoid()


def likeness(found: Tensor, true: Tensor) -> float:
    """Correlate images with those that they should be, 0 for nothing and 1 for all, in the better order.

    Args:
        found, true: (2, C, H, W).
    """
    return max(_correlation(found, true), _correlation(found.flip(0), true))


def _loss(network: SplitNetwork, images: Tensor, labels: Tensor) -> Tensor:
    feature = network.encoder(images)
    nothing_mixed = torch.eye(2).expand(len(images), 2, 2)
    rows = network.among_decoys(feature, feature.roll(1, dims=0)[:, None])
    return objective.loss(network.answer(rows, nothing_mixed), labels)


def _total_variation(images: Tensor) -> Tensor:
    return images.diff(dim=-1).abs().mean() + images.diff(dim=-2).abs().mean()


def _correlation(found: Tensor, true: Tensor) -> float:
    a, b = (images.flatten(1) - images.flatten(1).mean(1, keepdim=True) for images in (found, true))
    return float(F.cosine_similarity(a, b).mean())
