"""How a run across devices goes: what the server asks, whom it waits for, and what a round came to."""

from dataclasses import dataclass
from typing import Literal

Aggregate = Literal["secagg", "plain", "dp"]
Robust = Literal["mean", "median", "trimmed-mean", "krum"]


@dataclass(frozen=True)
class Terms:
    """What the server asks of each device in a round.

    Attributes:
        epochs: over the device's own images.
        batch_size: images a step.
        lr: of SGD with momentum, whose state ends with the round and never travels.
        clip_norm: Euclidean length to which a device clips its change.
        thawed: the encoder learns too.
    """

    epochs: int = 1
    batch_size: int = 32
    lr: float = 0.02
    clip_norm: float = 10.0
    thawed: bool = False


@dataclass(frozen=True)
class Rounds:
    """How a run goes.

    Attributes:
        number: of rounds.
        clients: devices that are waited for in each.
        min_clients: devices whose updates make a round; fewer, and it changes nothing.
        deadline: seconds for the devices' answers in a round, of a secure sum in each of its four steps.
        max_examples: images that one device may weigh.
        aggregate: `secagg`, secure sums; `plain`, every update in the clear; `dp`, in the clear too, and
            noise on the mean.
        wait: seconds for devices to come before a round.
        strategy: how plain updates are put together.
        epsilon, delta: of differential privacy, for all rounds together.
    """

    number: int
    clients: int
    min_clients: int
    deadline: float = 300.0
    max_examples: float = 1000.0
    aggregate: Aggregate = "secagg"
    wait: float = 600.0
    strategy: Robust = "mean"
    epsilon: float = 8.0
    delta: float = 1e-5


@dataclass(frozen=True)
class RoundFacts:
    """What came of a round.

    Attributes:
        number: of the round.
        taken: updates.
        refused: updates, and answers that did not come.
        epsilon: spent so far, where there is differential privacy.
    """

    number: int
    taken: int
    refused: int
    epsilon: float | None = None
