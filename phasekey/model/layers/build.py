"""From a description to torch modules: the real form of a layer, or the complex one."""

import math
from collections.abc import Callable, Iterable
from typing import Any

from torch import nn

from phasekey.model import description as d
from phasekey.model.errors import ModelError
from phasekey.model.layers import equivariant as complex_layers

Shape = tuple[int, ...]  # (C, H, W) of a map or (D,) of a vector, without the batch


class Builder:
    """Builds layers one after another and keeps the running shape.

    Its attribute `complex_form` says which form of a layer comes next: real (the default) or complex.
    A complex layer works on the folded layout (kN, ...), so its shape per sample is that of the real one.

    Args:
        shape: of what the first layer takes, without the batch.
        classes: outputs of the last layer.
        threshold: c of δ for two components, or None for c_k (section 5.1).
        mean_norms: c_k in mean norms.
        components: k of the complex layers.
    """

    def __init__(
        self,
        shape: Shape,
        classes: int,
        threshold: float | None,
        mean_norms: float = 1.0,
        components: int = 2,
    ) -> None:
        self.shape, self.classes = shape, classes
        self.threshold, self.mean_norms, self.components = threshold, mean_norms, components
        self.complex_form = False

    def sequence(self, layers: Iterable[d.Layer]) -> nn.Sequential:
        """Build layers in order; `shape` is afterwards what comes out of the last.

        Raises:
            ModelError: where one does not fit the shape before it.
        """
        return nn.Sequential(*[self.layer(layer) for layer in layers])

    def layer(self, layer: d.Layer) -> nn.Module:
        """Build one layer for the current shape.

        Raises:
            ModelError: where it does not fit.
        """
        return _BUILDERS[type(layer)](self, layer)

    def fork(self) -> "Builder":
        """Copy the builder at the same shape, for the second branch of a residual."""
        other = Builder(self.shape, self.classes, self.threshold, self.mean_norms, self.components)
        other.complex_form = self.complex_form
        return other


def _need(builder: Builder, rank: int, layer: d.Layer) -> Shape:
    if len(builder.shape) != rank:
        kinds = {1: "a vector (D,)", 3: "a map (C, H, W)"}
        raise ModelError(
            f"{type(layer).__name__} takes {kinds[rank]} but comes after shape {builder.shape}; "
            "put Flatten between maps and vectors, and only once"
        )
    return builder.shape


def _window(builder: Builder, layer: d.Layer, kernel: int, stride: int, padding: int) -> tuple[int, int]:
    _, height, width = builder.shape
    if min(height, width) + 2 * padding < kernel:
        raise ModelError(
            f"{type(layer).__name__} with kernel {kernel} does not fit a map of {height}×{width}; "
            "use larger images or fewer pooling layers"
        )
    return (height + 2 * padding - kernel) // stride + 1, (width + 2 * padding - kernel) // stride + 1


def _conv(builder: Builder, layer: d.Conv) -> nn.Module:
    channels = _need(builder, 3, layer)[0]
    size = _window(builder, layer, layer.kernel, layer.stride, layer.padding)
    builder.shape = (layer.channels, *size)
    bias = layer.bias and not builder.complex_form
    return _initialised(
        builder, nn.Conv2d(channels, layer.channels, layer.kernel, layer.stride, layer.padding, bias=bias)
    )


def _linear(builder: Builder, layer: d.Linear | d.Classes) -> nn.Module:
    (inputs,) = _need(builder, 1, layer)
    outputs = layer.features if isinstance(layer, d.Linear) else builder.classes
    builder.shape = (outputs,)
    return _initialised(builder, nn.Linear(inputs, outputs, bias=not builder.complex_form))


def _initialised(builder: Builder, module: nn.Conv2d | nn.Linear) -> nn.Module:
    """He's normal law for ReLU; unit gain for δ, which keeps about four fifths of E|f|², not half."""
    if builder.complex_form:
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
    else:
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    if module.bias is not None:
        nn.init.zeros_(module.bias)
    return module


def _batch_norm(builder: Builder, _: d.BatchNorm) -> nn.Module:
    if builder.complex_form:
        return complex_layers.NormBatchNorm(builder.shape[0], components=builder.components)
    return nn.BatchNorm2d(builder.shape[0]) if len(builder.shape) == 3 else nn.BatchNorm1d(builder.shape[0])


def _activation(builder: Builder, _: d.Activation) -> nn.Module:
    if not builder.complex_form:
        return nn.ReLU()
    return complex_layers.PhaseReLU(builder.threshold, builder.mean_norms, builder.components)


def _max_pool(builder: Builder, layer: d.MaxPool) -> nn.Module:
    channels = _need(builder, 3, layer)[0]
    stride = layer.stride or layer.kernel
    builder.shape = (channels, *_window(builder, layer, layer.kernel, stride, layer.padding))
    if builder.complex_form:
        return complex_layers.NormMaxPool2d(layer.kernel, stride, layer.padding, builder.components)
    return nn.MaxPool2d(layer.kernel, stride, layer.padding)


def _avg_pool(builder: Builder, layer: d.AvgPool) -> nn.Module:
    channels = _need(builder, 3, layer)[0]
    if layer.kernel is None:
        builder.shape = (channels, 1, 1)
        return nn.AdaptiveAvgPool2d(1)
    builder.shape = (channels, *_window(builder, layer, layer.kernel, layer.kernel, 0))
    return nn.AvgPool2d(layer.kernel)


def _dropout(builder: Builder, layer: d.Dropout) -> nn.Module:
    if builder.complex_form:
        return complex_layers.PairDropout(layer.probability, builder.components)
    return nn.Dropout(layer.probability)


def _flatten(builder: Builder, layer: d.Flatten) -> nn.Module:
    builder.shape = (math.prod(_need(builder, 3, layer)),)
    return nn.Flatten()


def _residual(builder: Builder, layer: d.Residual) -> nn.Module:
    other = builder.fork()
    body, shortcut = builder.sequence(layer.body), other.sequence(layer.shortcut)
    if builder.shape != other.shape:
        raise ModelError(
            f"the two branches of Residual end in different shapes, {builder.shape} and {other.shape}; "
            "give the shortcut a convolution of the same stride and channels"
        )
    return complex_layers.Residual(body, shortcut)


_BUILDERS: dict[type[d.Layer], Callable[[Builder, Any], nn.Module]] = {
    d.Conv: _conv,
    d.Linear: _linear,
    d.Classes: _linear,
    d.BatchNorm: _batch_norm,
    d.Activation: _activation,
    d.MaxPool: _max_pool,
    d.AvgPool: _avg_pool,
    d.Dropout: _dropout,
    d.Flatten: _flatten,
    d.Residual: _residual,
}
