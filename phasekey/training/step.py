"""One training step: the adversary learns, then encoder, processing module and decoder (Eq. 9)."""

from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from phasekey.model import SplitNetwork
from phasekey.training import objective
from phasekey.training.config import TrainConfig
from phasekey.training.defences import Defence, build_defence
from phasekey.training.schedule import build_optimiser, build_schedule


class Pass(NamedTuple):
    """What a batch came to: logits (N, K), and feature and decoy (N, ...) of the complex form."""

    logits: Tensor
    feature: Tensor | None
    decoy: Tensor | None


class TrainingPass(nn.Module):
    """The network as one call, which several processes need: they synchronise gradients around it."""

    def __init__(self, network: SplitNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Pass:
        """Images (N, C, H, W) in [0, 1], an angle and a decoy drawn for each."""
        if self.network.form != "complex":
            return Pass(self.network(images), None, None)
        feature, decoy = self.network.hide(images)
        return Pass(self.network.answer(feature, decoy), feature, decoy)


class Learner:
    """Everything that a step changes: network, optimiser, schedule, and the defence with its adversary."""

    def __init__(
        self, network: SplitNetwork, config: TrainConfig, accelerator: Accelerator, steps_per_epoch: int
    ) -> None:
        self.accelerator = accelerator
        self.network = network.to(accelerator.device)
        self.defence: Defence | None = build_defence(config, network)
        if self.defence is not None:
            self.defence.to(accelerator.device)
        self.optimiser = build_optimiser(network.parameters(), config)
        self.schedule = build_schedule(self.optimiser, config, steps_per_epoch)
        self.run_pass: nn.Module = accelerator.prepare_model(TrainingPass(network))

    def step(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Update on one batch; the task's loss, the share of right answers, the defence's figures."""
        self.run_pass.train()
        logits, feature, decoy = self.run_pass(images)
        loss = objective.loss(logits, labels)
        penalty, figures = self._defend(feature, decoy)
        self.optimiser.zero_grad()
        self.accelerator.backward(loss if penalty is None else loss + penalty)
        self.optimiser.step()
        self.schedule.step()
        right = objective.hits(logits.detach(), labels) / len(labels)
        return {"loss": float(loss.detach()), "right": right, **figures}

    def _defend(self, feature: Tensor | None, decoy: Tensor | None) -> tuple[Tensor | None, dict[str, float]]:
        if self.defence is None or feature is None or decoy is None:
            return None, {}
        figures = self.defence.attack(feature.detach(), decoy.detach())
        self._agree_on_the_adversary()
        penalty = self.defence.penalty(feature, decoy)
        return penalty, {f"defence/{name}": value for name, value in figures.items()}

    def _agree_on_the_adversary(self) -> None:
        """Several processes each trained theirs on their share of the batch: go on from the mean."""
        if self.defence is not None and self.accelerator.num_processes > 1:
            for value in self.defence.parameters():
                value.data = self.accelerator.reduce(value.data, "mean")

    def largest_weight(self) -> float:
        """Largest |weight| of the network, over running statistics too; NaN or infinite where any is."""
        values = [value for value in self.network.state_dict().values() if value.is_floating_point()]
        return float(torch.stack([value.abs().max() for value in values]).max())

    def state_dict(self) -> dict[str, Any]:
        """Weights and the inner state of optimisers and schedule, as tensors and plain values."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "defence": None if self.defence is None else self.defence.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another left off."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        if self.defence is not None:
            self.defence.load_state_dict(state["defence"])
