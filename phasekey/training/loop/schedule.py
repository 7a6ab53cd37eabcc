"""Optimiser and learning rate of a run."""

import math
from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from phasekey.training.settings.config import Schedule, TrainConfig

SGD_MOMENTUM = 0.9
# He et al. 2016, section 4.2: a tenth at 32,000 and 48,000 of 64,000 steps.
STEP, STEP_AT = 0.1, (0.5, 0.75)


def build_optimiser(parameters: Iterable[nn.Parameter], config: TrainConfig) -> Optimizer:
    """Build AdamW, or SGD with Nesterov momentum. Weights decay; biases and the scales of norms do not.

    Args:
        parameters: to be trained.
        config: optimiser, learning rate and decay.
    """
    every = list(parameters)
    groups = [
        {"params": [p for p in every if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in every if p.dim() <= 1], "weight_decay": 0.0},
    ]
    if config.optimiser == "sgd":
        return SGD(groups, lr=config.lr, momentum=SGD_MOMENTUM, nesterov=True)
    return AdamW(groups, lr=config.lr)


def build_schedule(optimiser: Optimizer, config: TrainConfig, steps_per_epoch: int) -> LambdaLR:
    """Build the schedule of the learning rate.

    Args:
        optimiser: whose rate it sets.
        config: kind, epochs and warm-up.
        steps_per_epoch: batches.

    Returns:
        To be stepped after every step of the optimiser.
    """
    steps = config.epochs * steps_per_epoch
    warmup = round(config.warmup * steps_per_epoch)
    return LambdaLR(optimiser, lambda step: rate_factor(step, steps, warmup, config.schedule))


def rate_factor(step: int, steps: int, warmup: int, schedule: Schedule) -> float:
    """Compute the share of the largest learning rate at a step.

    Args:
        step: from 0.
        steps: of the whole run.
        warmup: steps of the linear rise at the beginning.
        schedule: what follows: half a cosine down to zero, steps down, or constant.

    Returns:
        0 to 1.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule == "constant":
        return 1.0
    if schedule == "step":
        return STEP ** sum(step >= share * steps for share in STEP_AT)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
