"""Random mutants of right graphs: what is still proved is still right, and wrong ones are refused."""

import numpy as np
import onnx
import pytest

from export.checks.numeric import equivariance_errors
from export.proof import UnreadableGraphError, prove
from phasekey.graph_runtime import GraphError

from . import test_styles as styles
from .graph_builder import network
from .mutation import mutate

QUARTERS = (1j, -1, -1j)
TOLERANCE = 1e-4
BASES = [
    {},
    {"fold": styles.fold_with_computed_shape, "pool": styles.mean_pool},
    {"convolution": styles.complex_weights, "delta": styles.literal},
    {"convolution": styles.dense_block, "pool": styles.flat_gather},
    {"convolution": styles.two_groups, "delta": styles.by_halves, "pool": styles.mean_pool},
    {"delta": styles.by_unstacking, "linear": styles.block_matrix, "unfold": styles.interleaved_and_back},
    {"fold": styles.half_turn, "delta": styles.chosen_by_norm, "pool": styles.flat_gather_of_each},
    {"convolution": styles.batch_norm, "delta": styles.inner_product, "linear": styles.matmul_from_left},
]
WRONG, DRAWS = 10, 400  # of each base: wrong mutants that must be met and refused, and tries to meet them


def error_of(path, turns=()) -> float:
    return float(equivariance_errors(path, batch=3, trials=1, turns=turns).max())


def is_a_tie(model, path) -> bool:
    """Whether pooling chose between equal norms by their last bits, which quarter turns leave alone.

    An edit can make norms equal (f / |f|, or |f| times its own transpose); no graph without one has ties.
    """
    pools = any(node.op_type == "MaxPool" for node in model.graph.node)
    return pools and error_of(path, QUARTERS) <= TOLERANCE


@pytest.mark.parametrize("base", range(len(BASES)))
def test_what_is_proved_is_right(base: int, tmp_path) -> None:
    right, random = network(**BASES[base]), np.random.default_rng(base)
    assert prove(right).proved
    refused = 0
    for _ in range(DRAWS):
        mutant = mutate(right, random, edits=int(random.integers(1, 4)))
        path = tmp_path / "mutant.onnx"
        onnx.save(mutant, path)
        try:
            verdict, error = prove(mutant), error_of(path)
        except (UnreadableGraphError, GraphError, ValueError, IndexError):
            continue  # no graph any more, or an output without samples
        if not np.isfinite(error):
            continue
        if verdict.proved:
            assert error <= TOLERANCE or is_a_tie(mutant, path), (error, mutant.graph.node)
        elif error > TOLERANCE:
            refused += 1
        if refused == WRONG:
            return
    pytest.fail(f"of {DRAWS} mutants, only {refused} were wrong graphs that run: the edits are too tame")
