"""The server's half: rounds by Flower's workflows, with our rules for what goes into the mean."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from flwr.app import Context
from flwr.common import FitIns, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.server import LegacyContext, ServerConfig
from flwr.server.strategy import Strategy
from flwr.server.workflow import DefaultWorkflow, SecAggPlusWorkflow
from flwr.serverapp import Grid

from phasekey.federated.errors import FederatedError, UpdateError
from phasekey.federated.local import Terms
from phasekey.federated.updates import Arrays, Update, add, check, clip, mean

Aggregate = Literal["secagg", "plain"]
LEAST_MASKED = 3  # devices in a secure sum: of two, each could subtract its own
WAIT_FOR_DEVICES = 600.0  # seconds


@dataclass(frozen=True)
class Rounds:
    """How a run goes.

    Attributes:
        number: of rounds.
        clients: devices that are waited for in each.
        least: devices whose updates make a round; fewer, and it changes nothing.
        deadline: seconds for a device's answer in a round.
        heaviest: images that one device may weigh.
        aggregate: `secagg`, secure sums; `plain`, every update in the clear.
    """

    number: int
    clients: int
    least: int
    deadline: float = 300.0
    heaviest: float = 1000.0
    aggregate: Aggregate = "secagg"


@dataclass(frozen=True)
class RoundFacts:
    """What came of a round: its number, updates taken, and updates refused or missing."""

    number: int
    taken: int
    refused: int


class Averaging(Strategy):
    """FedAvg over changes (McMahan et al. 2017, algorithm 1), each checked, clipped and weighed.

    Args:
        weights: to begin with.
        terms: of each device's part.
        rounds: how the run goes.
        after: called with round facts and new weights; it may refuse them by FederatedError, and the run
            ends.
    """

    def __init__(
        self, weights: Arrays, terms: Terms, rounds: Rounds, after: Callable[[RoundFacts, Arrays], None]
    ) -> None:
        self.weights, self.terms, self.rounds, self._after = weights, terms, rounds, after

    def initialize_parameters(self, client_manager: Any) -> Any:
        """Give the weights to begin with; no device is asked for its."""
        return ndarrays_to_parameters(self.weights)

    def configure_fit(self, server_round: int, parameters: Any, client_manager: Any) -> list[Any]:
        """Choose the devices of a round, and say what they do."""
        client_manager.wait_for(self.rounds.clients, timeout=int(WAIT_FOR_DEVICES))
        there = min(self.rounds.clients, client_manager.num_available())
        if there < self.rounds.least:
            return []
        instructions = FitIns(
            ndarrays_to_parameters(self.weights), {**asdict(self.terms), "round": server_round}
        )
        return [(client, instructions) for client in client_manager.sample(there)]

    def aggregate_fit(self, server_round: int, results: Any, failures: Any) -> tuple[Any, dict[str, Any]]:
        """Put checked and clipped updates into the mean; of too few, leave the weights as they are."""
        taken: list[Update] = []
        for _, answer in results:
            update = Update(parameters_to_ndarrays(answer.parameters), float(answer.num_examples))
            try:
                check(update, self.weights)
            except UpdateError:
                continue
            taken.append(Update(clip(update.change, self.terms.longest), update.weight))
        if len(taken) >= self.rounds.least:
            self.weights = add(self.weights, mean(taken, self.rounds.heaviest))
            refused = len(results) + len(failures) - len(taken)
            self._after(RoundFacts(server_round, len(taken), refused), self.weights)
        return ndarrays_to_parameters(self.weights), {}

    def configure_evaluate(self, server_round: int, parameters: Any, client_manager: Any) -> list[Any]:
        """Ask no device how well it does: its answer would tell of its labels."""
        return []

    def aggregate_evaluate(
        self, server_round: int, results: Any, failures: Any
    ) -> tuple[None, dict[str, Any]]:
        """Nothing was asked."""
        return None, {}

    def evaluate(self, server_round: int, parameters: Any) -> None:
        """The caller does, after each round."""


def run_rounds(
    grid: Grid,
    context: Context,
    weights: Arrays,
    terms: Terms,
    rounds: Rounds,
    after: Callable[[RoundFacts, Arrays], None],
) -> Arrays:
    """Run all rounds.

    Args:
        grid: to the devices.
        context: of the ServerApp.
        weights: to begin with.
        terms, rounds, after: as Averaging takes them.

    Returns:
        The last weights.

    Raises:
        FederatedError: a secure sum of fewer than three devices was asked for, or `after` refuses.
    """
    if rounds.aggregate == "secagg" and rounds.least < LEAST_MASKED:
        raise FederatedError(
            f"a secure sum takes {LEAST_MASKED} devices or more, got a minimum of {rounds.least}: of two, "
            "each could subtract its own part; use more devices"
        )
    strategy = Averaging(weights, terms, rounds, after)
    legacy = LegacyContext(context, config=ServerConfig(num_rounds=rounds.number), strategy=strategy)
    DefaultWorkflow(fit_workflow=_fit_workflow(rounds, terms))(grid, legacy)
    return strategy.weights


def _fit_workflow(rounds: Rounds, terms: Terms) -> Any:
    if rounds.aggregate == "plain":
        return None
    return SecAggPlusWorkflow(
        num_shares=1.0,
        reconstruction_threshold=max(2, rounds.least) / max(rounds.clients, rounds.least),
        max_weight=rounds.heaviest,
        clipping_range=min(1.0, terms.longest),  # of a weight's change in one round
        timeout=rounds.deadline,
    )
