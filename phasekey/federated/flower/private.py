"""Rounds with client-level differential privacy: Flower's strategy and its accountant (its `[dp]`).

What is protected is that a device took part at all, against whoever sees the weights that come out; the
server itself sees every update. Mironov 2017 (Rényi accounting), McMahan et al. 2018 (client level).
"""

from typing import Any

from flwr.app import ArrayRecord, ConfigRecord
from flwr.serverapp import (
    GaussianPrivacyEvent,
    NeighboringRelation,
    PrivacyConfig,
    RdpAccountant,
    SamplingMethod,
)
from flwr.serverapp.strategy import DifferentialPrivacyServerSideFixedClipping, FedAvg

from phasekey.federated.errors import FederatedError, UpdateError
from phasekey.federated.settings import RoundFacts, Rounds, Terms
from phasekey.federated.updates import Arrays, Update, check

LOUDEST = 1e4  # noise multiplier beyond which nobody looks
STEPS = 60  # of halving an interval


class PrivateMean:
    """A round's mean with noise on it, of all `clients` devices or of none.

    Args:
        weights: to begin with.
        terms: of each device's part; its clip_norm is what noise is measured by.
        rounds: with epsilon and delta, of all rounds together.
        spent: rounds behind it.

    Raises:
        FederatedError: no noise is loud enough.
    """

    def __init__(self, weights: Arrays, terms: Terms, rounds: Rounds, spent: int) -> None:
        self.weights, self._rounds = weights, rounds
        multiplier = noise_multiplier(rounds)
        accountant = _accountant(rounds)
        if spent:
            accountant.compose(_event(rounds, multiplier), spent)
        plain = FedAvg(
            fraction_evaluate=0.0, min_train_nodes=rounds.clients, min_available_nodes=rounds.clients
        )
        self._strategy = DifferentialPrivacyServerSideFixedClipping(
            plain, multiplier, terms.clip_norm, rounds.clients, accountant=accountant
        )
        self._config = {
            name: getattr(terms, name) for name in ("epochs", "batch_size", "lr", "clip_norm", "thawed")
        }

    def run(self, grid: Any, nodes: list[int], number: int) -> RoundFacts | None:
        """Run a round.

        Args:
            grid: to the devices.
            nodes: that take part.
            number: of the round.

        Returns:
            What came of it; None where an answer was missing or malformed: weights stay as they were, and
            nothing of the budget is spent.
        """
        config = ConfigRecord({**self._config, "round": number})
        chosen: Any = _Chosen(grid, nodes)
        messages = self._strategy.configure_train(number, ArrayRecord(self.weights), config, chosen)
        answers = [answer for answer in grid.send_and_receive(messages) if self._is_good(answer)]
        arrays, _ = self._strategy.aggregate_train(number, answers)
        if arrays is None:
            return None
        self.weights = arrays.to_numpy_ndarrays()
        return RoundFacts(number, len(answers), 0, self.epsilon)

    @property
    def epsilon(self) -> float:
        """What is spent."""
        spent = self._strategy.privacy_spent()
        return 0.0 if spent is None else float(spent.epsilon)

    def _is_good(self, answer: Any) -> bool:
        if answer.has_error() or set(answer.content.array_records) != {"arrays"}:
            return False
        try:
            check(Update(answer.content.array_records["arrays"].to_numpy_ndarrays(), 1.0), self.weights)
        except UpdateError:
            return False
        return True


class _Chosen:
    """A grid with so many nodes and no others: Flower's strategies draw from all that there are."""

    def __init__(self, grid: Any, nodes: list[int]) -> None:
        self._grid, self._nodes = grid, nodes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._grid, name)

    def get_node_ids(self) -> list[int]:
        """Those of the round."""
        return self._nodes


def noise_multiplier(rounds: Rounds) -> float:
    """Find the least noise, in clip norms, under which all rounds stay within epsilon and delta.

    Args:
        rounds: number of them, devices, epsilon, delta.

    Raises:
        FederatedError: there is none.
    """
    low, high = 0.0, LOUDEST
    if _accountant(rounds).would_exceed(_event(rounds, high), count=rounds.number):
        raise FederatedError(f"no noise keeps {rounds.number} rounds within --epsilon {rounds.epsilon:g}")
    for _ in range(STEPS):
        middle = (low + high) / 2
        exceeds = _accountant(rounds).would_exceed(_event(rounds, middle), count=rounds.number)
        low, high = (middle, high) if exceeds else (low, middle)
    return high


def _accountant(rounds: Rounds) -> Any:
    return RdpAccountant(
        PrivacyConfig(
            target_delta=rounds.delta,
            population_size=rounds.clients,
            neighboring_relation=NeighboringRelation.ADD_OR_REMOVE_ONE,
            sampling_method=SamplingMethod.NO_AMPLIFICATION,  # all devices are in all rounds
            max_epsilon=rounds.epsilon,
        )
    )


def _event(rounds: Rounds, multiplier: float) -> GaussianPrivacyEvent:
    return GaussianPrivacyEvent(multiplier, rounds.clients, rounds.clients)
