"""Features with a leak that was planted, and features without any."""

import pytest
import torch

SHAPES = [(16,), (2, 8, 8)]
BATCH = 64


def leaky(shape, count=BATCH):
    """No value is negative: only the right angle, and ones near it, give features of that kind."""
    return torch.randn(count, *shape).relu()


def gaussian(shape, count=BATCH):
    """a + ib is circularly symmetric: x says nothing about its angle, to anyone."""
    return torch.randn(count, *shape)


def train(defence, draw, shape, steps):
    """Attacks on fresh features; the figures of the last ten steps, averaged."""
    figures = [defence.attack(draw(shape), draw(shape)) for _ in range(steps)][-10:]
    return {name: sum(step[name] for step in figures) / len(figures) for name in figures[0]}


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
