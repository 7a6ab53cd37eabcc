"""What a device does in a round: some steps on its own images, and the change that came of them."""

from typing import Any

import torch
from torch import nn

from phasekey.federated.errors import FederatedError
from phasekey.federated.settings import Terms
from phasekey.federated.travelling import put, take, travelling
from phasekey.federated.updates import Arrays, Update, clip
from phasekey.model import SplitNetwork
from phasekey.training.data.dataset import Augment, Split
from phasekey.training.loop import objective
from phasekey.training.loop.batches import Batches
from phasekey.training.loop.step import TrainingPass

MOMENTUM = 0.9
# Of the learning rate, for a thawed encoder: at the full rate a LeNet's, which has no norms, came to chance
# within a pass over 250 digits.
ENCODER_SHARE = 0.1


def local_update(
    network: SplitNetwork, weights: Arrays, split: Split, kind: Augment, terms: Terms, seed: int
) -> Update:
    """Train on a device's own images.

    Args:
        network: as the run began with; changed in place.
        weights: of the round.
        split: images and labels of the device; they go nowhere.
        kind: augmentation.
        terms: of the round.
        seed: of order and augmentation.

    Returns:
        The change, clipped, and the number of images behind it.

    Raises:
        FederatedError: where training came to values that are no numbers, or the weights are of another
            network.
    """
    put(network, weights, thawed=terms.thawed)
    learnt = travelling(network, thawed=terms.thawed)
    for name, value in network.named_parameters():
        value.requires_grad_(name in learnt)
    batches = Batches(split, batch_size=terms.batch_size, kind=kind, seed=seed, device=torch.device("cpu"))
    optimiser = _optimiser(learnt, terms.lr)
    run_pass = TrainingPass(network)
    network.train()
    network.encoder.eval()  # its running statistics are part of what every x follows from
    for _ in range(terms.epochs):
        for images, labels in batches.epoch():
            optimiser.zero_grad()
            objective.loss(run_pass(images).logits[0], labels).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    network.eval()
    change = [new - old for new, old in zip(take(network, thawed=terms.thawed), weights, strict=True)]
    if not all(torch.isfinite(torch.from_numpy(part)).all() for part in change):
        raise FederatedError("training on this device came to no finite numbers: use a smaller --lr")
    return Update(clip(change, terms.clip_norm), float(len(split)))


def _optimiser(learnt: dict[str, nn.Parameter], lr: float) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = [{"params": [], "lr": lr}, {"params": [], "lr": lr * ENCODER_SHARE}]
    for name, value in learnt.items():
        groups[name.startswith("encoder.")]["params"].append(value)
    return torch.optim.SGD(groups, lr=lr, momentum=MOMENTUM, nesterov=True)
