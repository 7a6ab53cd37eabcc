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
from phasekey.federated.flower.secure_sum import LEAST_MASKED, secure_sum
from phasekey.federated.settings import RoundFacts, Rounds, Terms
from phasekey.federated.updates import Arrays, Update, mean


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
    combine: Callable[[list[Update]], Arrays] | None = None,
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
        combine: from a round's updates to its change; None for the mean, weighed by images.

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
    combine = combine or (lambda updates: mean(updates, rounds.max_examples))
    strategy = Averaging(weights, terms, rounds, combine)
    timed: Any = Deadline(grid, rounds.deadline)
    fleet = Fleet(timed, rounds, terms, network)
    fit: Any = default_fit_workflow if rounds.aggregate == "plain" else secure_sum(rounds, terms)
    for number in range(first, rounds.number + 1):
        nodes = fleet.gather(number)
        strategy.facts = None
        _run_round(fit, timed, _legacy(context, strategy, timed, nodes, number))
        if strategy.facts is not None:
            after(strategy.facts, strategy.weights)
    return strategy.weights


def _run_round(fit: Callable[[Any, Any], None], grid: Any, legacy: LegacyContext) -> None:
    try:
        fit(grid, legacy)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # Flower's secure sum trusts what masked vectors look like: one of another shape ends there.
        getLogger(__name__).log(
            WARNING, "the round is lost, an update was malformed: %s", type(error).__name__
        )


def _legacy(context: Context, strategy: Averaging, grid: Any, nodes: list[int], number: int) -> LegacyContext:
    """What a workflow of Flower's finds its round in."""
    manager = SimpleClientManager()
    for node in nodes:
        manager.register(GridClientProxy(node_id=node, grid=grid, run_id=grid.run.run_id))
    legacy = LegacyContext(context, config=ServerConfig(), strategy=strategy, client_manager=manager)
    legacy.state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({Key.CURRENT_ROUND: number})
    legacy.state.array_records[MAIN_PARAMS_RECORD] = parameters_to_arrayrecord(
        ndarrays_to_parameters(strategy.weights), keep_input=True
    )
    return legacy
