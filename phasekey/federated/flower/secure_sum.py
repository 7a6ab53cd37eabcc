"""Flower's SecAgg+ (Bonawitz et al. 2017; Bell et al. 2020) for devices that may go away at any step."""

from typing import Any

from flwr.server.workflow import SecAggPlusWorkflow

from phasekey.federated.settings import Rounds, Terms

LEAST_MASKED = 3  # devices in a secure sum: of two, each could subtract its own


class SecureSum(SecAggPlusWorkflow):
    """As Flower has it, but a device that leaves before it has handed out shares is forgotten.

    Flower 1.42 asks the others for that device's shares all the same, and loses the round. No mask of such a
    device is in anyone's vector: masks are agreed with those alone whose shares came.
    """

    def setup_stage(self, grid: Any, context: Any, state: Any) -> bool:
        """Gather public keys."""
        good = super().setup_stage(grid, context, state)
        state.sampled_node_ids = set(state.active_node_ids)
        return good

    def share_keys_stage(self, grid: Any, context: Any, state: Any) -> bool:
        """Pass shares on."""
        good = super().share_keys_stage(grid, context, state)
        state.sampled_node_ids = set(state.active_node_ids)
        return good


def secure_sum(rounds: Rounds, terms: Terms) -> SecureSum:
    """Build the workflow of a round."""
    return SecureSum(
        num_shares=1.0,
        reconstruction_threshold=max(2, rounds.min_clients) / max(rounds.clients, rounds.min_clients),
        max_weight=rounds.max_examples,
        clipping_range=min(1.0, terms.clip_norm),  # of a weight's change in one round
        timeout=rounds.deadline,
    )
