"""One training step: the adversary learns, then encoder, processing module and decoder (Eq. 9)."""

from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from phasekey.model import SplitNetwork
from phasekey.training.defences import Defence, build_defence
from phasekey.training.loop import objective
from phasekey.training.loop.schedule import build_optimiser, build_schedule
from phasekey.training.settings.config import TrainConfig


class Pass(NamedTuple):
    """What a batch came to.

    Args:
        logits: (draws, N, K), one for each draw of decoys and secret.
        feature: a, (N, ...), of the complex form.
        decoy: the last draw's first decoy, (N, ...), of the complex form.
    """

    logits: Tensor
    feature: Tensor | None
    decoy: Tensor | None


class TrainingPass(nn.Module):
    """The network as one call, which several processes need: they synchronise gradients around it.

    Args:
        network: to be trained.
        draws: of decoys and secret for each image; the encoder runs once.
    """

    def __init__(self, network: SplitNetwork, draws: int = 1) -> None:
        super().__init__()
        self.network, self.draws = network, draws

    def forward(self, images: Tensor) -> Pass:
        """Images (N, C, H, W) in [0, 1] -> logits, decoys and secrets drawn for each."""
        if self.network.form != "complex":  # the canonical form too is trained plainly
            return Pass(self.network(images)[None], None, None)
        feature = self.network.encoder(images)
        logits, rows = [], feature[:, None]
        for _ in range(self.draws):
            rows = self.network.among_decoys(feature)
            logits.append(self.network.answer(rows))
        return Pass(torch.stack(logits), feature, rows[:, 1])


class Learner:
    """Everything that a step changes: network, optimiser, schedule, and the defence with its adversary.

    Args:
        network: moved to the accelerator's device.
        config: settings of the run.
        accelerator: device, precision and processes.
        steps_per_epoch: batches, for the schedule.
    """

    def __init__(
        self, network: SplitNetwork, config: TrainConfig, accelerator: Accelerator, steps_per_epoch: int
    ) -> None:
        self.accelerator, self.consistency = accelerator, config.consistency
        self.network = network.to(accelerator.device)
        self.defence: Defence | None = build_defence(config, network)
        if self.defence is not None:
            self.defence.to(accelerator.device)
        self.optimiser = build_optimiser(network.parameters(), config)
        self.schedule = build_schedule(self.optimiser, config, steps_per_epoch)
        self.run_pass: nn.Module = accelerator.prepare_model(TrainingPass(network, config.draws))

    def step(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Update on one batch.

        Args:
            images: (N, C, H, W) in [0, 1].
            labels: (N,) class indices, or (N, A) attributes of zeros and ones.

        Returns:
            "loss", the task's alone, nats; "right", the share of right answers of the first draw; and the
            figures of defence and consistency, by their names.
        """
        self.run_pass.train()
        logits, feature, decoy = self.run_pass(images)
        loss = torch.stack([objective.loss(drawn, labels) for drawn in logits]).mean()
        terms, figures = [loss], dict[str, float]()
        if self.defence is not None and feature is not None and decoy is not None:
            penalty, figures = self._defend(self.defence, feature, decoy)
            terms.append(penalty)
        if self.consistency > 0:
            apart = objective.disagreement(logits, exclusive=labels.ndim == 1)
            terms.append(self.consistency * apart)
            figures["defence/disagreement"] = float(apart.detach())
        self._update(torch.stack(terms).sum())
        right = objective.num_correct(logits[0].detach(), labels) / len(labels)
        return {"loss": float(loss.detach()), "right": right, **figures}

    def _update(self, total: Tensor) -> None:
        self.optimiser.zero_grad()
        self.accelerator.backward(total)
        self.optimiser.step()
        self.schedule.step()

    def _defend(self, defence: Defence, feature: Tensor, decoy: Tensor) -> tuple[Tensor, dict[str, float]]:
        figures = defence.attack(feature.detach(), decoy.detach())
        self._agree_on_the_adversary()
        penalty = defence.penalty(feature, decoy)
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
