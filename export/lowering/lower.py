"""From the layers of Φ to the steps that are traced: what is merged, what is moved, which form is taken."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from export.lowering.stacked import Stacked
from export.lowering.steps import Delta, Each, Gain, Pool, Scale, Sum, channel_factors
from export.lowering.streams import Streams
from export.lowering.thresholds import fold_threshold
from phasekey.model.layers.equivariant import NormBatchNorm, NormMaxPool2d, PairDropout, PhaseReLU, Residual
from phasekey.model.network import Processing

# Elements of a component per sample, in the largest map, up to which the number of nodes decides.
# LeNet has 1600; ResNets, at 8192, gain by the blocked layout already.
SMALL_MAP = 2048

_REAL_LAYERS = (nn.Conv2d, nn.Linear, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Flatten)
_NOTHING_AT_INFERENCE = (PairDropout, nn.Dropout, nn.Identity)


class UnknownLayer(Exception):  # noqa: N818 - says that a module stays as it is; nobody sees it as an error
    """A layer that has no step here."""


class Lowered(nn.Module):
    """Φ: block layout -> block layout, as the module it was made from."""

    def __init__(self, steps: nn.Module, form: type[Streams] | type[Stacked], components: int) -> None:
        super().__init__()
        self.steps, self.form, self.components = steps, form, components

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.steps(self.form.of(x, self.components)).joined()
        return h


def lower(
    processing: nn.Module, feature_shape: Sequence[int], *, form: type[Streams] | type[Stacked] | None = None
) -> nn.Module:
    """Give the module to trace in place of `processing`, which is left untouched.

    Args:
        processing: Φ, in either mode; what is traced is Φ in inference.
        feature_shape: (C, H, W) of its input, a component of one sample.
        form: None chooses by the largest map.

    Returns:
        The lowered module; `processing` itself where it has a layer that is not known.
    """
    if not isinstance(processing, Processing):
        return processing
    # A copy, in inference mode: run in training mode, the caller's would move its statistics of batch norm.
    given, processing = processing, copy.deepcopy(processing).eval()
    gain = fold_threshold(processing.layers)
    try:
        steps = _with_gain(_sequence(processing.layers), gain)
    except UnknownLayer:
        return given
    chosen = form or (Stacked if _largest_map(processing, feature_shape) <= SMALL_MAP else Streams)
    return Lowered(steps, chosen, processing.components).eval()


def _largest_map(processing: Processing, feature_shape: Sequence[int]) -> int:
    """Elements of one component of one sample, in the largest result of a layer."""
    sizes: list[int] = []
    hooks = [
        layer.register_forward_hook(lambda _layer, _inputs, result: sizes.append(result[0].numel()))
        for layer in processing.modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    try:
        with torch.no_grad():
            processing.layers(torch.zeros(processing.components, *feature_shape))
    finally:
        for hook in hooks:
            hook.remove()
    return max(sizes, default=0)


def _sequence(layers: Sequence[nn.Module] | nn.Sequential) -> nn.Sequential:
    remaining = [layer for layer in layers if not isinstance(layer, _NOTHING_AT_INFERENCE)]
    steps: list[nn.Module] = []
    while remaining:
        step, taken = _next(remaining)
        steps.append(step)
        remaining = remaining[taken:]
    return nn.Sequential(*steps)


def _with_gain(steps: nn.Sequential, gain: float) -> nn.Sequential:
    """The result times a constant, by the last δ where that comes last."""
    if gain != 1.0:
        if isinstance(steps[-1], Delta):
            steps[-1].gain = gain
        else:
            steps.append(Each(Gain(gain)))
    return steps


def _next(layers: list[nn.Module]) -> tuple[nn.Module, int]:
    """The next step, and how many layers it stands for."""
    layer, after = layers[0], layers[1] if len(layers) > 1 else None
    match layer:
        case nn.Conv2d() | nn.Linear() if isinstance(after, NormBatchNorm):
            return Each(with_batch_norm(layer, after)), 2
        case PhaseReLU() if isinstance(after, NormMaxPool2d):
            return Delta(layer, after), 2
        case PhaseReLU():
            return Delta(layer), 1
        case _:
            return _alone(layer), 1


def _alone(layer: nn.Module) -> nn.Module:
    match layer:
        case NormMaxPool2d():
            return Pool(layer)
        case NormBatchNorm():
            return Each(Scale(layer))
        case Residual():
            return Sum(_branch(layer.body), _branch(layer.shortcut))
        case nn.Sequential():
            return _sequence(layer)
        case _ if isinstance(layer, _REAL_LAYERS) and getattr(layer, "bias", None) is None:
            return Each(layer)
    raise UnknownLayer(type(layer).__name__)


def _branch(branch: nn.Module) -> nn.Module:
    return _sequence(branch if isinstance(branch, nn.Sequential) else [branch])


def with_batch_norm(layer: nn.Conv2d | nn.Linear, norm: NormBatchNorm) -> nn.Module:
    """A copy of the layer that divides by the root of Eq. 7 as well. Computed in float64, rounded once."""
    if layer.bias is not None:
        raise UnknownLayer("a layer with bias")
    merged = copy.deepcopy(layer)
    factors = channel_factors(norm).reshape(-1, *[1] * (layer.weight.dim() - 1))
    with torch.no_grad():
        merged.weight.copy_(layer.weight.double() * factors)
    return merged
