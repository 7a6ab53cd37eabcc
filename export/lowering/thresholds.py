"""A threshold c that all δ share becomes 1, so that no δ divides by it.

All that Φ is made of at inference, but for δ's threshold, is linear in the size of its input: layers without
bias, Eq. 7 with its statistics, pooling by the norm, mean norms. And δ_c(f) = c · δ_1(f / c) (Eq. 6). So
Φ(x) = c · Φ_1(x / c), where 1/c goes into the first weights and c onto the result.
"""

import torch
from torch import nn

from phasekey.model.layers.equivariant import PhaseReLU, Residual


def fold_threshold(layers: nn.Sequential) -> float:
    """Let the thresholds be 1 and the first weights as much smaller, in place.

    Args:
        layers: of Φ, in inference mode.

    Returns:
        c, by which the result is to be multiplied; 1 where nothing changed: there is no threshold, or there
        are several, or x enters by something that has no weights.
    """
    deltas = [layer for layer in layers.modules() if isinstance(layer, PhaseReLU)]
    thresholds = {delta.threshold for delta in deltas if delta.threshold is not None}
    weighted = _first_weights(layers)
    if len(thresholds) != 1 or weighted is None:
        return 1.0
    (threshold,) = thresholds
    for delta in deltas:
        delta.threshold = None if delta.threshold is None else 1.0
    with torch.no_grad():
        for layer in weighted:
            layer.weight.copy_(layer.weight.double() / threshold)
    return threshold


def _first_weights(layer: nn.Module) -> list[nn.Conv2d | nn.Linear] | None:
    """The layers that x meets first, in every branch; None where a branch has no weights there."""
    match layer:
        case nn.Conv2d() | nn.Linear() if layer.bias is None:
            return [layer]
        case nn.Sequential() if len(layer):
            return _first_weights(layer[0])
        case Residual():
            branches = [_first_weights(branch) for branch in (layer.body, layer.shortcut)]
            return None if None in branches else [one for branch in branches for one in branch or ()]
    return None
