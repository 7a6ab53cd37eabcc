"""What goes into the mean of a round: a strategy of Flower's with our rules."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flwr.common import FitIns, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.server.strategy import Strategy

from phasekey.federated.errors import UpdateError
from phasekey.federated.settings import RoundFacts, Rounds, Terms
from phasekey.federated.updates import Arrays, Update, add, check, clip


class Averaging(Strategy):
    """FedAvg over changes (McMahan et al. 2017, algorithm 1), each checked, clipped and weighed.

    Args:
        weights: to begin with.
        terms: of each device's part.
        rounds: how the run goes.
        combine: from checked and clipped updates to one change.

    Attributes:
        facts: of the last round; None where too few devices made it.
    """

    def __init__(
        self,
        weights: Arrays,
        terms: Terms,
        rounds: Rounds,
        combine: Callable[[list[Update]], Arrays],
    ) -> None:
        self.weights, self.terms, self.rounds, self._combine = weights, terms, rounds, combine
        self.facts: RoundFacts | None = None

    def initialize_parameters(self, client_manager: Any) -> Any:
        """Give the weights to begin with; no device is asked for its."""
        return ndarrays_to_parameters(self.weights)

    def configure_fit(self, server_round: int, parameters: Any, client_manager: Any) -> list[Any]:
        """Tell each device of a round what it does."""
        instructions = FitIns(
            ndarrays_to_parameters(self.weights), {**asdict(self.terms), "round": server_round}
        )
        return [(client, instructions) for client in client_manager.all().values()]

    def aggregate_fit(self, server_round: int, results: Any, failures: Any) -> tuple[Any, dict[str, Any]]:
        """Put checked and clipped updates together; of too few, leave the weights as they are."""
        taken: list[Update] = []
        for _, answer in results:
            update = Update(parameters_to_ndarrays(answer.parameters), float(answer.num_examples))
            try:
                check(update, self.weights)
            except UpdateError:
                continue
            weight = min(update.weight, self.rounds.max_examples)
            taken.append(Update(clip(update.change, self.terms.clip_norm), weight))
        if len(taken) >= self.rounds.min_clients:
            self.weights = add(self.weights, self._combine(taken))
            refused = len(results) + len(failures) - len(taken)
            self.facts = RoundFacts(server_round, len(taken), refused)
        return None, {}

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
