"""Equivariance measured: turn the input, run the graph, compare; or put its samples in another order.

The proof's independent check.

A measurement at some angles proves nothing, and rounding leaves an error in graphs that are right; but it
runs the real graph in the real runtime and knows nothing of the proof's rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.proof.group import ROTATIONS, Group
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
    group: Group = ROTATIONS,
) -> Array:
    """Relative L2 of Φ(Qx) - QΦ(x) against Φ(x), for random x and Q of the group, one for each sample.

    Args:
        graph: the ONNX file; rotated, output: names, the first where left out; layout: of both.
        batch: samples in a run, where the graph leaves that open; trials: runs; seed: of the random draw.
        turns: factors e^{iθ} to draw from, in place of the whole circle. At the quarter turns 1j, -1, -1j
            norms come out the same to the last bit, so that pooling by norm cannot choose otherwise.
        group: rotations, for which Q is e^{iθ}, or O(k): Haar's law, reflections among it.

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
        matrices = _matrices(group, samples, turns, random)
        plain = session.run(feeds)[wanted]
        turned = session.run({**feeds, name: _turned(feeds[name], matrices, layout)})[wanted]
        errors.append(_relative(turned, plain, matrices, layout))
    return np.concatenate(errors)


def _draw(spec: TensorSpec, batch: int, random: np.random.Generator) -> Array:
    values = random.standard_normal([batch if size is None else size for size in spec.shape])
    if np.issubdtype(np.dtype(spec.dtype), np.integer):
        values = np.round(values * _INT8_UNIT).clip(-127, 127)
    return values.astype(spec.dtype)


def _matrices(group: Group, samples: int, turns: Sequence[complex], random: np.random.Generator) -> Array:
    """One matrix for each sample, (samples, k, k) float64."""
    if group.reflections:
        q, r = np.linalg.qr(random.normal(size=(samples, group.size, group.size)))
        return np.asarray(q * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None, :])
    circle = np.exp(1j * random.uniform(0, 2 * np.pi, samples))
    turn = random.choice(turns, samples) if len(turns) else circle
    turn = np.asarray(turn, np.complex128)
    return np.stack([np.stack([turn.real, -turn.imag], -1), np.stack([turn.imag, turn.real], -1)], -2)


def _turned(x: Array, matrices: Array, layout: Layout) -> Array:
    turned = _join(np.einsum("nij,nj...->ni...", matrices, _apart(x, matrices.shape[-1], layout)), layout)
    if np.issubdtype(x.dtype, np.integer):
        turned = np.round(turned).clip(-127, 127)
    return turned.astype(x.dtype)


def _relative(turned: Array, plain: Array, matrices: Array, layout: Layout) -> Array:
    size = matrices.shape[-1]
    expected = np.einsum("nij,nj...->ni...", matrices, _apart(plain, size, layout)).reshape(len(matrices), -1)
    gap = _apart(turned, size, layout).reshape(len(matrices), -1) - expected
    length = np.linalg.norm(expected, axis=1)
    error = np.linalg.norm(gap, axis=1) / np.maximum(length, np.finfo(np.float64).tiny)
    return np.where(np.isfinite(error), error, np.inf)


def _apart(tensor: Array, size: int, layout: Layout) -> Array:
    """(N, size, …, C): the parts on an axis of their own."""
    values = np.moveaxis(tensor.astype(np.float64), layout.axis, -1)
    shape = (-1, size) if layout.interleaved else (size, -1)
    parts = values.reshape(*values.shape[:-1], *shape)
    return np.asarray(np.moveaxis(parts, -1 if layout.interleaved else -2, 1))


def _join(parts: Array, layout: Layout) -> Array:
    """Undo _apart."""
    last = np.moveaxis(parts, 1, -1 if layout.interleaved else -2)
    return np.asarray(np.moveaxis(last.reshape(*last.shape[:-2], -1), -1, layout.axis))


def samples_alike_errors(graph: Path, *, batch: int = 5, trials: int = 2, seed: int = 0) -> Array:
    """How far a sample's answer moves when the others change, and the order: relative L2, (trials · batch,).

    Each round runs a batch, then the same samples in another order with some strangers among them.

    Raises:
        GraphError: the graph cannot be loaded or run.
    """
    session = GraphSession(graph)
    random = np.random.default_rng(seed)
    (spec,), (output,) = session.inputs, session.outputs
    errors = []
    for _ in range(trials):
        own, strangers = (_draw(spec, batch, random) for _ in range(2))
        order = random.permutation(2 * batch)
        together = session.run({spec.name: np.concatenate([own, strangers])[order]})[output.name]
        alone = session.run({spec.name: own})[output.name].astype(np.float64).reshape(batch, -1)
        found = together[np.argsort(order)[:batch]].astype(np.float64).reshape(batch, -1)
        length = np.maximum(np.linalg.norm(alone, axis=1), np.finfo(np.float64).tiny)
        error = np.linalg.norm(found - alone, axis=1) / length
        errors.append(np.where(np.isfinite(error), error, np.inf))
    return np.concatenate(errors)
