"""What all defences share: the two sides' turns, the adversary's optimiser, and the scale of features."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam

SMALLEST_NORM = 1e-6


class Defence(nn.Module, ABC):
    """An adversary trained beside the encoder, and the loss by which the encoder fools it.

    weight: of that loss beside the task's (1 in Eq. 9). steps: updates of the adversary in one attack.
    The state dict holds the adversary's weights and its optimiser's state. Angles are drawn from torch's
    global random state.
    Features and decoys are (N, ...) as the encoder gives them; all is computed in float32.
    """

    def __init__(
        self, adversary: nn.Module, *, weight: float, steps: int, rate: float, betas: tuple[float, float]
    ) -> None:
        super().__init__()
        self.adversary, self.weight, self.steps = adversary, weight, steps
        self.optimiser = Adam(adversary.parameters(), lr=rate, betas=betas)

    def attack(self, feature: Tensor, decoy: Tensor) -> dict[str, float]:
        """Update the adversary; nothing flows back to the encoder.

        Args:
            feature: a, (N, ...).
            decoy: b, like the feature.

        Returns:
            The last update's figures, by their names.
        """
        figures: dict[str, float] = {}
        with _full_precision(feature):
            batch = unit_norm(feature.detach().float(), decoy.detach().float())
            for _ in range(self.steps):
                loss, figures = self._attack(*batch)
                self.optimiser.zero_grad()
                torch.autograd.backward(loss)
                self.optimiser.step()
                figures |= self._after_attack()
        return figures

    def penalty(self, feature: Tensor, decoy: Tensor) -> Tensor:
        """Compute what the encoder adds to its loss; the adversary's weights get no gradient from it.

        Args:
            feature: a, (N, ...), with its gradient.
            decoy: b, like the feature.

        Returns:
            A scalar.
        """
        if self.weight == 0:
            return feature.new_zeros(())
        with _full_precision(feature), _frozen(self.adversary):
            return self.weight * self._leak(*unit_norm(feature.float(), decoy.float()))

    @abstractmethod
    def _attack(self, feature: Tensor, decoy: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The adversary's loss on features of unit norm, and figures."""

    def _after_attack(self) -> dict[str, float]:
        """What follows an update of the adversary, and further figures."""
        return {}

    @abstractmethod
    def _leak(self, feature: Tensor, decoy: Tensor) -> Tensor:
        """How far the adversary sees through features of unit norm: what the encoder minimises."""

    def get_extra_state(self) -> Any:
        """The optimiser's state, beside the weights in the state dict."""
        return self.optimiser.state_dict()

    def set_extra_state(self, state: Any) -> None:
        """Take the optimiser's state back."""
        self.optimiser.load_state_dict(state)


def unit_norm(feature: Tensor, decoy: Tensor) -> tuple[Tensor, Tensor]:
    """Feature and decoy by one common factor, so that the mean of |a|² and |b|² over the batch is 1.

    Without it, an encoder could lower any critic's score by making features small, which hides nothing:
    the processing module is indifferent to scale. The factor takes part in the gradient.
    """
    squares = feature.flatten(1).square().sum(1) + decoy.flatten(1).square().sum(1)
    norm = (squares.mean() / 2).sqrt().clamp(min=SMALLEST_NORM)
    return feature / norm, decoy / norm


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    module.requires_grad_(False)
    try:
        yield
    finally:
        module.requires_grad_(True)


def _full_precision(like: Tensor) -> torch.autocast:
    return torch.autocast(like.device.type, enabled=False)
