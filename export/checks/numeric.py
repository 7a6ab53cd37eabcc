"""Equivariance measured: turn the input, run the graph, compare. The proof's independent check.

A measurement at some angles proves nothing, and rounding leaves an error in graphs that are right; but it
runs the real graph in the real runtime and knows nothing of the proof's rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.proof.layout import Layout
from phasekey.bundle.tensors import TensorSpec
from phasekey.graph_runtime import GraphSession

Array = np.ndarray[Any, np.dtype[Any]]
_INT8_UNIT = 32.0  # standard deviation of what is fed to a graph that takes whole numbers


def equivariance_errors(
    graph: Path,
    *,
    rotated: str | None = None,
    output: str | None = None,
    layout: Layout = Layout(),  # noqa: B008 - frozen
    batch: int = 4,
    trials: int = 2,
    seed: int = 0,
    turns: Sequence[complex] = (),
) -> Array:
    """Relative L2 of Φ(e^{iθ}x) - e^{iθ}Φ(x) against Φ(x), for random x and θ, one for each sample.

    Args:
        graph: the ONNX file; rotated, output: names, the first where left out; layout: of both.
        batch: samples in a run, where the graph leaves that open; trials: runs; seed: of the random draw.
        turns: factors e^{iθ} to draw from, in place of the whole circle. At the quarter turns 1j, -1, -1j
            norms come out the same to the last bit, so that pooling by norm cannot choose otherwise.

    Returns:
        float64 (trials · batch,). Infinite where the graph gave something that is not finite.

    Raises:
        GraphError: the graph cannot be loaded or run.
    """
    session = GraphSession(graph)
    random = np.random.default_rng(seed)
    name = rotated or session.inputs[0].name
    wanted = output or session.outputs[0].name
    errors = []
    for _ in range(trials):
        feeds = {spec.name: _draw(spec, batch, random) for spec in session.inputs}
        samples = feeds[name].shape[0]
        circle = np.exp(1j * random.uniform(0, 2 * np.pi, samples))
        turn = random.choice(turns, samples) if len(turns) else circle
        plain = session.run(feeds)[wanted]
        turned = session.run({**feeds, name: _rotated(feeds[name], turn, layout)})[wanted]
        errors.append(_relative(turned, plain, turn, layout))
    return np.concatenate(errors)


def _draw(spec: TensorSpec, batch: int, random: np.random.Generator) -> Array:
    values = random.standard_normal([batch if size is None else size for size in spec.shape])
    if np.issubdtype(np.dtype(spec.dtype), np.integer):
        values = np.round(values * _INT8_UNIT).clip(-127, 127)
    return values.astype(spec.dtype)


def _rotated(x: Array, turn: Array, layout: Layout) -> Array:
    turned = _from_complex(_to_complex(x, layout) * _along(turn, x.ndim), layout)
    if np.issubdtype(x.dtype, np.integer):
        turned = np.round(turned).clip(-127, 127)
    return turned.astype(x.dtype)


def _relative(turned: Array, plain: Array, turn: Array, layout: Layout) -> Array:
    expected = _to_complex(plain, layout) * _along(turn, plain.ndim)
    gap = (_to_complex(turned, layout) - expected).reshape(len(turn), -1)
    size = np.linalg.norm(expected.reshape(len(turn), -1), axis=1)
    error = np.linalg.norm(gap, axis=1) / np.maximum(size, np.finfo(np.float64).tiny)
    return np.where(np.isfinite(error), error, np.inf)


def _along(turn: Array, rank: int) -> Array:
    return turn.reshape(-1, *[1] * (rank - 1))


def _to_complex(pairs: Array, layout: Layout) -> Array:
    """Real pairs to complex numbers; the axis of the pair halves."""
    values = np.moveaxis(pairs.astype(np.float64), layout.axis, -1)
    half = values.shape[-1] // 2
    parts = (
        (values[..., 0::2], values[..., 1::2]) if layout.interleaved else np.split(values, [half], axis=-1)
    )
    return np.asarray(np.moveaxis(parts[0] + 1j * parts[1], -1, layout.axis))


def _from_complex(values: Array, layout: Layout) -> Array:
    last = np.moveaxis(values, layout.axis, -1)
    if layout.interleaved:
        pairs = np.stack([last.real, last.imag], axis=-1).reshape(*last.shape[:-1], -1)
    else:
        pairs = np.concatenate([last.real, last.imag], axis=-1)
    return np.asarray(np.moveaxis(pairs, -1, layout.axis))
