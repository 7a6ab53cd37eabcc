"""metrics.jsonl: one line for each epoch."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class EpochMetrics:
    """What one epoch came to. Accuracies are shares, 0 to 1; training ones are with augmentation."""

    epoch: int  # from 1
    loss: float  # mean cross-entropy over the epoch, nats
    train_accuracy: float
    test_accuracy: float  # with rotation
    test_accuracy_plain: float  # angle and decoy zero
    seconds: float  # training and test

    def sentence(self, epochs: int) -> str:
        """The line that a person sees."""
        return (
            f"epoch {self.epoch}/{epochs}: loss {self.loss:.3f}, train {self.train_accuracy:.1%}, "
            f"test {self.test_accuracy:.1%} rotated, {self.test_accuracy_plain:.1%} plain, "
            f"{self.seconds:.1f} s"
        )


def write_metrics(path: Path, epochs: list[EpochMetrics]) -> None:
    """Write all lines anew; a run that is cut off keeps those of its finished epochs."""
    path.write_text("".join(json.dumps(asdict(metrics)) + "\n" for metrics in epochs))
