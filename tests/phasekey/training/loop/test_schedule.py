import math

import pytest
import torch
from torch import nn

from phasekey.training.loop.schedule import build_optimiser, build_schedule, rate_factor
from phasekey.training.settings.config import TrainConfig


def test_the_rate_rises_over_the_warm_up_and_falls_as_a_cosine():
    factors = [rate_factor(step, 14, 4, "cosine") for step in range(14)]
    assert factors[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert factors[4] == 1.0
    assert factors[9] == pytest.approx((1 + math.cos(math.pi / 2)) / 2)
    assert factors[4:] == sorted(factors[4:], reverse=True)
    assert 0 < factors[-1] < 0.05


def test_a_constant_schedule_stays_at_its_top():
    assert [rate_factor(step, 9, 1, "constant") for step in range(4)] == [0.5, 1.0, 1.0, 1.0]


def test_steps_fall_to_a_tenth_after_a_half_and_to_a_hundredth_after_three_quarters():
    factors = [rate_factor(step, 8, 1, "step") for step in range(8)]
    assert factors == pytest.approx([0.5, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


# Nesterov momentum looks ahead: its first step is 1 + 0.9 times the gradient.
@pytest.mark.parametrize(("name", "reach"), [("adamw", 1.0), ("sgd", 1.9)])
def test_only_weights_decay(name, reach):
    layer = nn.Conv2d(2, 3, 1)
    config = TrainConfig(optimiser=name, weight_decay=0.3, lr=0.5, warmup=0, schedule="constant")
    optimiser = build_optimiser(layer.parameters(), config)
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    for parameter in layer.parameters():
        parameter.grad = torch.zeros_like(parameter)
    build_schedule(optimiser, config, steps_per_epoch=1)
    optimiser.step()
    torch.testing.assert_close(layer.bias.detach(), bias)
    torch.testing.assert_close(layer.weight.detach(), weight * (1 - 0.5 * 0.3 * reach))
