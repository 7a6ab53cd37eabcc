"""The best split of the circle, against trying all of them one by one."""

import itertools

import numpy as np
import torch

from phasekey.audit.attackers.two_arcs import two_arcs

COUNT = 8


def _error(arc: list[int], weights: np.ndarray, guesses: np.ndarray) -> float:
    mass = weights[arc].sum()
    mean = (weights[arc, None] * guesses[arc]).sum(0) / mass
    return float((weights[arc] * ((guesses[arc] - mean) ** 2).sum(1)).sum())


def test_no_split_of_the_angles_leaves_less_error() -> None:
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(COUNT), 5)
    real, imaginary = rng.standard_normal((2, 5, 6))
    cos, sin = two_arcs(*(torch.tensor(part) for part in (weights, real, imaginary)))
    angles = np.arange(COUNT) * 2 * np.pi / COUNT
    for row in range(5):
        guesses = np.outer(np.cos(angles), real[row]) + np.outer(np.sin(angles), imaginary[row])
        splits = [  # all, not arcs alone: none can be better than two arcs
            (list(part), [k for k in range(COUNT) if k not in part])
            for size in range(1, COUNT)
            for part in itertools.combinations(range(COUNT), size)
        ]
        best = min(splits, key=lambda split: sum(_error(arc, weights[row], guesses) for arc in split))
        expected = [
            [np.average(part(angles[arc]), weights=weights[row, arc]) for part in (np.cos, np.sin)]
            for arc in best
        ]
        found = torch.stack([cos[row], sin[row]], dim=1).tolist()
        np.testing.assert_allclose(sorted(found), sorted(expected), atol=1e-6)


def test_the_likelier_arc_comes_first() -> None:
    weights = torch.tensor([[0.1, 0.6, 0.0, 0.0, 0.0, 0.3, 0.0, 0.0]])
    _, sin = two_arcs(weights, torch.ones(1, 3), torch.tensor([[1.0, -1.0, 2.0]]))
    assert float(sin[0, 0]) > 0 > float(sin[0, 1])
