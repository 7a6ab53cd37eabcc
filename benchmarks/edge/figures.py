"""What is measured, with its goal, and what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from benchmarks.environments import UnavailableError
from benchmarks.interleave import Spread


@dataclass(frozen=True)
class Row:
    """One figure and its goal. at_least: the goal is a floor, not a ceiling; unit: none for ratios."""

    label: str
    goal: float
    at_least: bool = False
    unit: str = ""

    def is_met(self, value: float) -> bool:
        """Whether a value reaches the goal."""
        return value >= self.goal if self.at_least else value <= self.goal


@dataclass(frozen=True)
class Measured:
    """A figure's spread over the rounds, and in words what it is made of."""

    spread: Spread
    parts: str = ""


@dataclass(frozen=True)
class Findings:
    """By row: what was measured, and why the rest was not."""

    found: dict[str, Measured] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def note(self, name: str, measure: Callable[[], Measured]) -> None:
        """Measure a row, or note why it can't be."""
        try:
            self.found[name] = measure()
        except UnavailableError as error:
            self.missing[name] = str(error)


ROWS: Mapping[str, Row] = {
    "sdk resnet20": Row("SDK call / its parts in turn, ResNet-20-α", 1.05),
    "served resnet20": Row("the same, the cloud's part computed by the server", 1.05),
    "stock resnet20": Row("the same with a stock gRPC server's echo", 1.05),
    "alone resnet20": Row("the same, each part alone again and again", 1.05),
    "sdk lenet": Row("SDK call / its parts in turn, LeNet", 1.05),
    "served lenet": Row("the same, the cloud's part computed by the server", 1.05),
    "stock lenet": Row("the same with a stock gRPC server's echo", 1.05),
    "alone lenet": Row("the same, each part alone again and again", 1.05),
    "split": Row("split, k = 2 / same split with the real network, ResNet-20-α, end to end", 1.3),
    "prepared": Row("the same with decoys of an archive, prepared, each input new", 1.3),
    "import": Row("import time / an environment with torch", 0.10),
    "memory": Row("resident memory after one prediction, LeNet", 90.0, unit="MB"),
    "size": Row("base install, with pip", 190.0, unit="MB"),
    "trimmed": Row("the same, without what no prediction loads", 190.0, unit="MB"),
    "stream": Row("streaming throughput × slowest stage, ResNet-20-α", 0.9, at_least=True),
    "core": Row("streaming throughput × what the client's core works for an image", 0.9, at_least=True),
}


def once(value: float) -> Spread:
    """The spread of a figure that was measured once."""
    return Spread(value, value, value)
