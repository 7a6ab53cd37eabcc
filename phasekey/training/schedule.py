"""Optimiser and learning rate of a run."""

import math
from collections.abc import Iterable

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from phasekey.training.config import Schedule, TrainConfig

SGD_MOMENTUM = 0.9
# He et al. 2016, section 4.2: a tenth at 32,000 and 48,000 of 64,000 steps.
STEP, STEP_AT = 0.1, (0.5, 0.75)


def build_optimiser(parameters: Iterable[nn.Parameter], config: TrainConfig) -> Optimizer:
    """AdamW, or SGD with Nesterov momentum. Weights decay; biases and the scales of norms do not."""
    every = list(parameters)
    groups = [
        {"params": [p for p in every if p.dim() > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in every if p.dim() <= 1], "weight_decay": 0.0},
    ]
    if config.optimiser == "sgd":
        return SGD(groups, lr=config.lr, momentum=SGD_MOMENTUM, nesterov=True)
    return AdamW(groups, lr=config.lr)


def build_schedule(optimiser: Optimizer, config: TrainConfig, steps_per_epoch: int) -> LambdaLR:
    """A schedule that is stepped after every optimiser step."""
    steps = config.epochs * steps_per_epoch
    warmup = round(config.warmup * steps_per_epoch)
    return LambdaLR(optimiser, lambda step: rate_factor(step, steps, warmup, config.schedule))


def rate_factor(step: int, steps: int, warmup: int, schedule: Schedule) -> float:
    """Share of the largest learning rate at a step (from 0): a linear rise over `warmup` steps, then
    half a cosine down to zero at `steps`, or steps down, or constant."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule == "constant":
        return 1.0
    if schedule == "step":
        return STEP ** sum(step >= share * steps for share in STEP_AT)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
