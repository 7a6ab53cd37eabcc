"""Training an attacker's network: one loop for all attacks that learn."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from phasekey.audit.attack import CurvePoint, Watch
from phasekey.audit.scene.scene import Floats, Samples
from phasekey.model.hiding.rotation import rotate

CHECKS = 20  # of the validation loss over one training
WEIGHT_DECAY = 1e-4

Loss = Callable[[nn.Module, Tensor], Tensor]  # network, rows of the split -> scalar


def device() -> torch.device:
    """Where attackers train: the GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def pixels_of(images: Tensor) -> Tensor:
    """Images as networks take them, on the device where they lie.

    Args:
        images: uint8 (N, H, W, C).

    Returns:
        float32 (N, C, H, W) in [0, 1].
    """
    return images.permute(0, 3, 1, 2).float() / 255


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's random state for a while; nobody else's draws are disturbed.

    Args:
        seed: of torch's generators.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


def drawn() -> tuple[Tensor, list[Tensor]]:
    """How far torch's random draws are, on the processor and on every GPU: for `continued`."""
    return torch.get_rng_state(), torch.cuda.get_rng_state_all()


@contextmanager
def continued(draws: tuple[Tensor, list[Tensor]]) -> Iterator[None]:
    """Go on drawing from where `drawn` was asked; nobody else's random state is disturbed.

    Args:
        draws: what `drawn` returned.
    """
    with torch.random.fork_rng():
        torch.set_rng_state(draws[0])
        torch.cuda.set_rng_state_all(draws[1])
        yield


class Bank:
    """A split on the training device, from which transmissions are drawn anew: other angles, other decoys.

    A device never sends the same x for long, so an attacker has as many as he likes of each image.

    Attributes:
        feature: (N, C', ...).
        decoy: likewise, None of a device without rotation.
        images: uint8 (N, H, W, C).
        property: int64 (N,).
        x: as sent, (N, 2C', ...).
        theta: radians (N,), None without rotation.
    """

    def __init__(self, samples: Samples) -> None:
        where = device()
        self.feature = torch.from_numpy(samples.feature).to(where)
        self.decoy = None if samples.decoy is None else torch.from_numpy(samples.decoy).to(where)
        self.images = torch.from_numpy(samples.images).to(where)
        self.property = torch.from_numpy(samples.property).to(where)
        self.x = torch.from_numpy(samples.x).to(where)
        self.theta = None if samples.theta is None else torch.from_numpy(samples.theta).float().to(where)

    def __len__(self) -> int:
        return len(self.feature)

    def targets(self, rows: Tensor) -> Tensor:
        """Images of some rows as networks take them.

        Args:
            rows: (N,) int64.

        Returns:
            float32 (N, C, H, W) in [0, 1].
        """
        return pixels_of(self.images[rows])

    def draw(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Fresh transmissions of some rows; only of a device that rotates.

        Args:
            rows: (N,) int64.

        Returns:
            x (N, 2C', ...) and θ (N,) in radians.
        """
        assert self.decoy is not None  # noqa: S101 - attacks on angles say why_not first
        other = torch.randint(len(self), (len(rows),), device=rows.device)
        theta = 2 * torch.pi * torch.rand(len(rows), device=rows.device)
        return rotate(self.feature[rows], self.decoy[other], theta), theta


def fit(
    network: nn.Module, loss: Loss, validation_loss: Callable[[nn.Module], float], *,
    images: int, steps: int, batch: int, rate: float = 1e-3, decay: float = WEIGHT_DECAY, watch: Watch,
) -> tuple[CurvePoint, ...]:  # fmt: skip
    """Train in place (AdamW, one cycle) and keep the weights that were best on validation.

    Draws from torch's random state.

    Args:
        network: any; moved to the attackers' device.
        loss: network and row numbers (B,) -> scalar.
        validation_loss: network -> a number, lower is stronger; called in evaluation mode, without
            gradients.
        images: from how many rows are drawn.
        steps: how many.
        batch: rows of a step.
        rate: the largest learning rate.
        decay: of the weights, per unit of learning rate.
        watch: told of every step.

    Returns:
        The losses, some twenty points.
    """
    network.to(device()).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=_rise(steps))
    curve: list[CurvePoint] = []
    best, kept, running = float("inf"), copy.deepcopy(network.state_dict()), 0.0
    every = max(1, steps // CHECKS)
    for step in range(1, steps + 1):
        value = loss(network, torch.randint(images, (min(batch, images),), device=device()))
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(value)
        optimiser.step()
        schedule.step()
        running += float(value.detach())
        watch.advance()
        if step % every == 0 or step == steps:
            since = step - (curve[-1].step if curve else 0)  # the last stretch may be a short one
            point = CurvePoint(step, running / since, _validate(network, validation_loss))
            running, curve = 0.0, [*curve, point]
            if point.validation < best:
                best, kept = point.validation, copy.deepcopy(network.state_dict())
    network.load_state_dict(kept)
    network.eval()
    return tuple(curve)


def _rise(steps: int) -> float:
    """The share of steps that the rate rises in: a tenth, but two steps where there are some.

    torch divides by the steps from the first to the largest rate, and a tenth of ten steps leaves none.
    """
    return min(0.9, max(0.1, 2 / steps))


def _validate(network: nn.Module, loss: Callable[[nn.Module], float]) -> float:
    network.eval()
    with torch.no_grad():
        value = loss(network)
    network.train()
    return value


@torch.no_grad()
def predict(network: nn.Module, inputs: Floats, *, batch: int = 500) -> Floats:
    """Run a trained network over an array, part by part.

    Args:
        network: (N, ...) -> (N, ...).
        inputs: (N, ...) float32.
        batch: rows at a time.

    Returns:
        Its outputs, (N, ...) float32.
    """
    network.eval()
    parts = torch.split(torch.from_numpy(np.ascontiguousarray(inputs)), batch)
    outputs: NDArray[np.float32] = torch.cat([network(part.to(device())).cpu() for part in parts]).numpy()
    return outputs


def pack(network: nn.Module) -> Floats:
    """All weights and statistics of a network in one array.

    Args:
        network: any.

    Returns:
        (V,) float32.
    """
    state = [value.detach().cpu().float().flatten() for value in network.state_dict().values()]
    return torch.cat(state).numpy()


def unpack(network: nn.Module, packed: NDArray[np.generic]) -> None:
    """The reverse of `pack`, into a network of the same sizes.

    Args:
        network: changed in place.
        packed: (V,).
    """
    values, start = torch.from_numpy(np.asarray(packed, np.float32)), 0
    state = network.state_dict()
    for name, value in state.items():
        part = values[start : start + value.numel()]
        state[name] = part.reshape(value.shape).to(value.dtype)
        start += value.numel()
    network.load_state_dict(state)
