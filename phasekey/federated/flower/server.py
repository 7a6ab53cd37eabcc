"""The server's half: rounds by Flower's workflows."""

from collections.abc import Callable
from logging import WARNING, getLogger
from typing import Any

from flwr.app import ConfigRecord, Context
from flwr.common import ndarrays_to_parameters
from flwr.compat.common.recorddict_compat import parameters_to_arrayrecord
from flwr.server import LegacyContext, ServerConfig, SimpleClientManager
from flwr.server.compat.grid_client_proxy import GridClientProxy
from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD, Key
from flwr.server.workflow.default_workflows import default_fit_workflow
from flwr.serverapp import Grid

from phasekey.federated.errors import FederatedError
from phasekey.federated.flower.averaging import Averaging
from phasekey.federated.flower.fleet import Deadline, Fleet
from phasekey.federated.flower.private import PrivateMean
from phasekey.federated.flower.robust import combiner
from phasekey.federated.flower.secure_sum import LEAST_MASKED, secure_sum
from phasekey.federated.settings import RoundFacts, Rounds, Terms
from phasekey.federated.updates import Arrays


def run_rounds(
    grid: Grid,
    context: Context,
    weights: Arrays,
    terms: Terms,
    rounds: Rounds,
    after: Callable[[RoundFacts, Arrays], None],
    *,
    network: bytes = b"",
    first: int = 1,
) -> Arrays:
    """Run all rounds.

    Args:
        grid: to the devices.
        context: of the ServerApp.
        weights: to begin with.
        terms, rounds: how it goes.
        after: called with a round's facts and its weights; it may refuse them by FederatedError, and the run
            ends.
        network: bytes of the checkpoint, for devices that are new.
        first: number of the first round; above 1 where a run goes on.

    Returns:
        The last weights.

    Raises:
        FederatedError: a secure sum of fewer than three devices was asked for, `after` refuses, or too few
            devices came.
    """
    if rounds.aggregate == "secagg" and rounds.min_clients < LEAST_MASKED:
        raise FederatedError(
            f"a secure sum takes {LEAST_MASKED} devices or more, got a minimum of {rounds.min_clients}: of "
            "two, each could subtract its own part; use more devices"
        )
    timed: Any = Deadline(grid, rounds.deadline)
    fleet = Fleet(timed, rounds, terms, network)
    work: PrivateMean | Workflow
    if rounds.aggregate == "dp":
        work = PrivateMean(weights, terms, rounds, first - 1)
    else:
        work = Workflow(weights, terms, rounds, context)
    for number in range(first, rounds.number + 1):
        facts = work.run(timed, fleet.gather(number), number)
        if facts is not None:
            after(facts, work.weights)
    return work.weights


class Workflow:
    """Rounds by Flower's workflows: of secure sums, or of plain updates.

    Args:
        weights: to begin with.
        terms, rounds: how the run goes.
        context: of the ServerApp.
    """

    def __init__(self, weights: Arrays, terms: Terms, rounds: Rounds, context: Context) -> None:
        self._strategy = Averaging(weights, terms, rounds, combiner(rounds))
        self._context = context
        self._fit: Any = default_fit_workflow if rounds.aggregate == "plain" else secure_sum(rounds, terms)

    @property
    def weights(self) -> Arrays:
        """As they are now."""
        return self._strategy.weights

    def run(self, grid: Any, nodes: list[int], number: int) -> RoundFacts | None:
        """Run a round.

        Args:
            grid: to the devices.
            nodes: that take part.
            number: of the round.

        Returns:
            What came of it; None where too few updates did: weights stay as they were.
        """
        self._strategy.facts = None
        try:
            self._fit(grid, self._legacy(grid, nodes, number))
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # Flower's secure sum trusts what masked vectors look like: one of another shape ends there.
            words = "the round is lost, an update was malformed: %s"
            getLogger(__name__).log(WARNING, words, type(error).__name__)
        return self._strategy.facts

    def _legacy(self, grid: Any, nodes: list[int], number: int) -> LegacyContext:
        """What a workflow of Flower's finds its round in."""
        manager = SimpleClientManager()
        for node in nodes:
            manager.register(GridClientProxy(node_id=node, grid=grid, run_id=grid.run.run_id))
        legacy = LegacyContext(
            self._context, config=ServerConfig(), strategy=self._strategy, client_manager=manager
        )
        legacy.state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({Key.CURRENT_ROUND: number})
        legacy.state.array_records[MAIN_PARAMS_RECORD] = parameters_to_arrayrecord(
            ndarrays_to_parameters(self.weights), keep_input=True
        )
        return legacy
