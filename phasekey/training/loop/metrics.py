"""metrics.jsonl: one line for each epoch."""

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from phasekey.files import write_whole
from phasekey.training.errors import TrainingError


@dataclass(frozen=True)
class EpochMetrics:
    """What one epoch came to. Accuracies are shares, 0 to 1; training ones are with augmentation."""

    epoch: int  # from 1
    loss: float  # mean loss of the task over the epoch, nats
    train_accuracy: float
    test_accuracy: float  # through decoys and secret
    test_accuracy_plain: float  # nothing mixed, decoys zero
    seconds: float  # training and test
    defence: dict[str, float] = field(default_factory=dict)  # the defence's own figures, means

    def sentence(self, epochs: int) -> str:
        """Put the figures in the line that a person sees; `epochs` is how many there will be."""
        defence = "".join(f", {name} {value:.3g}" for name, value in self.defence.items())
        return (
            f"epoch {self.epoch}/{epochs}: loss {self.loss:.3f}, train {self.train_accuracy:.1%}, "
            f"test {self.test_accuracy:.1%} hidden, {self.test_accuracy_plain:.1%} plain{defence}, "
            f"{self.seconds:.1f} s"
        )


class Sums:
    """Running sums of an epoch's figures, by name."""

    def __init__(self) -> None:
        self.sums: defaultdict[str, float] = defaultdict(float)

    def add(self, figures: Mapping[str, float]) -> None:
        """Add the figures of one step, by their names."""
        for name, value in figures.items():
            self.sums[name] += value

    def means(self, count: int) -> dict[str, float]:
        """Divide each sum by a count of steps."""
        return {name: value / count for name, value in self.sums.items()}

    def state_dict(self) -> dict[str, Any]:
        """Collect the sums so far, as plain values."""
        return dict(self.sums)

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Take over sums that another `state_dict` gave."""
        self.sums = defaultdict(float, state)


def write_metrics(path: Path, epochs: list[EpochMetrics]) -> None:
    """Write all lines anew; a run that is cut off keeps those of its finished epochs."""
    write_whole(
        path, "".join(json.dumps(asdict(metrics)) + "\n" for metrics in epochs).encode(), error=TrainingError
    )
