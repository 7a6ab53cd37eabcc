"""A door for networks of one's own: an nn.Sequential, cut in three, its middle made complex."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import nn

from phasekey.model import description as d
from phasekey.model.description import Architecture
from phasekey.model.errors import ModelError
from phasekey.model.network import SplitNetwork

# Why these cannot be: a layer commutes with rotation only if it treats both components alike.
_BY_COMPONENT = (
    "it bends each component by itself, so the result depends on the angle; use ReLU, which becomes δ"
)
_BY_MEAN = "it takes a mean away and adds a shift, neither of which turns with the angle; use batch norm"
_REASONS: dict[type[nn.Module], str] = {
    **dict.fromkeys(
        (nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.ELU, nn.LeakyReLU, nn.Softplus, nn.Hardswish),
        _BY_COMPONENT,
    ),
    nn.Softmax: "it is of the logits, after the network; leave it out, the decoder's export adds it",
    **dict.fromkeys((nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d), _BY_MEAN),
}


def split(
    model: nn.Sequential,
    encoder_end: int,
    decoder_start: int,
    *,
    image: tuple[int, int, int],
    threshold: float | None = 1.0,
    **options: Any,
) -> SplitNetwork:
    """Cut a model in three and make its middle complex.

    Weights are copied; the processing module loses its biases and means, and the head is new, so the
    result has to be trained. With form="original" nothing is lost: a network for the secret "permutation".

    Args:
        model: children [:encoder_end] become the encoder (a head is added), [decoder_start:] the decoder, and
            what lies between the processing module. It ends in a Linear layer of one output for each class,
            and takes images as this package gives them, centred: (pixel - 0.5) · 4. Nested Sequentials are
            opened.
        encoder_end: index of the processing module's first child.
        decoder_start: index of the decoder's first child.
        image: (C, H, W).
        threshold: c of δ (Eq. 6) for two components, or None for c_k.
        options: SplitNetwork's own.

    Raises:
        ModelError: for split points out of order, or a layer that cannot be converted: which one, and why.
    """
    if not 0 < encoder_end < decoder_start < len(model):
        raise ModelError(
            "split points must lie in order inside the model, 0 < encoder_end < decoder_start < "
            f"{len(model)}; got {encoder_end} and {decoder_start}"
        )
    parts = [
        list(_leaves(model, range(*bounds))) for bounds in _thirds(len(model), encoder_end, decoder_start)
    ]
    *_, (last_name, last) = [leaf for part in parts for leaf in part]
    if not isinstance(last, nn.Linear):
        raise ModelError(
            f"the model must end in nn.Linear, one output for each class, but layer {last_name} is a "
            f"{type(last).__name__}; leave what comes after the logits out"
        )
    layers = [[_describe(name, module) for name, module in part] for part in parts]
    layers[-1][-1] = d.Classes()
    first, middle, _ = map(len, layers)
    architecture = Architecture(
        "own", tuple(layer for part in layers for layer in part), first, first + middle, threshold
    )
    network = SplitNetwork(architecture, classes=last.out_features, image=image, **options)
    _copy_weights(network, [[module for _, module in part] for part in parts])
    return network


def _thirds(length: int, encoder_end: int, decoder_start: int) -> list[tuple[int, int]]:
    return [(0, encoder_end), (encoder_end, decoder_start), (decoder_start, length)]


def _leaves(module: nn.Sequential, chosen: range, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    for index in chosen:
        name, child = f"{prefix}{index}", module[index]
        if isinstance(child, nn.Sequential):
            yield from _leaves(child, range(len(child)), f"{name}.")
        elif not isinstance(child, nn.Identity):
            yield name, child


def _describe(name: str, module: nn.Module) -> d.Layer:
    for kind, describe in _DESCRIBED.items():
        if type(module) is kind:
            return describe(name, module)
    reason = _REASONS.get(type(module), f"no complex form of it is known; known are {_known()}")
    raise ModelError(f"layer {name}, {type(module).__name__}, cannot be converted: {reason}")


def _known() -> str:
    return ", ".join(kind.__name__ for kind in _DESCRIBED)


def _square(name: str, module: nn.Module, field: str) -> int:
    value = getattr(module, field)
    sides = value if isinstance(value, tuple) else (value, value)
    if isinstance(value, str) or sides[0] != sides[1]:
        raise ModelError(
            f"layer {name}, {type(module).__name__}, cannot be converted: its {field} is {value!r}, but one "
            "number for both sides is expected"
        )
    return int(sides[0])


def _require(name: str, module: nn.Module, **expected: Any) -> None:
    for field, value in expected.items():
        if (found := getattr(module, field)) != value:
            raise ModelError(
                f"layer {name}, {type(module).__name__}, cannot be converted: its {field} is {found!r}, "
                f"but only {value!r} is supported"
            )


def _conv(name: str, module: nn.Conv2d) -> d.Layer:
    _require(name, module, groups=1, dilation=(1, 1), padding_mode="zeros")
    kernel, stride, padding = (_square(name, module, field) for field in ("kernel_size", "stride", "padding"))
    return d.Conv(module.out_channels, kernel, stride, padding, bias=module.bias is not None)


def _max_pool(name: str, module: nn.MaxPool2d) -> d.Layer:
    _require(name, module, ceil_mode=False, dilation=1, return_indices=False)
    kernel, stride, padding = (_square(name, module, field) for field in ("kernel_size", "stride", "padding"))
    return d.MaxPool(kernel, stride, padding)


def _avg_pool(name: str, module: nn.AvgPool2d) -> d.Layer:
    kernel = _square(name, module, "kernel_size")
    _require(name, module, ceil_mode=False, padding=0)
    if _square(name, module, "stride") != kernel:
        _require(name, module, stride=kernel)
    return d.AvgPool(kernel)


def _global_pool(name: str, module: nn.AdaptiveAvgPool2d) -> d.Layer:
    if module.output_size not in (1, (1, 1)):
        _require(name, module, output_size=1)
    return d.AvgPool()


def _flatten(name: str, module: nn.Flatten) -> d.Layer:
    _require(name, module, start_dim=1, end_dim=-1)
    return d.Flatten()


_DESCRIBED: dict[type[nn.Module], Callable[[str, Any], d.Layer]] = {
    nn.Conv2d: _conv,
    nn.Linear: lambda _, module: d.Linear(module.out_features),
    nn.BatchNorm1d: lambda *_: d.BatchNorm(),
    nn.BatchNorm2d: lambda *_: d.BatchNorm(),
    nn.ReLU: lambda *_: d.Activation(),
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _avg_pool,
    nn.AdaptiveAvgPool2d: _global_pool,
    nn.Dropout: lambda _, module: d.Dropout(module.p),
    nn.Flatten: _flatten,
}


def _copy_weights(network: SplitNetwork, parts: list[list[nn.Module]]) -> None:
    encoder = cast(nn.Sequential, network.encoder[1])  # between Centre and the head
    middle = network.processing.layers if network.form == "complex" else network.processing
    layers = list(cast(nn.Sequential, middle))
    opening = len(layers) - len(parts[1])  # a bottleneck's way back to the map
    pairs = [*zip(encoder, parts[0], strict=True), *zip(layers[opening:], parts[1], strict=True)]
    for ours, theirs in [*pairs, *zip(network.decoder, parts[2], strict=True)]:
        _copy(ours, theirs)


@torch.no_grad()
def _copy(ours: nn.Module, theirs: nn.Module) -> None:
    if type(ours) is type(theirs):
        wanted, found = ours.state_dict(), theirs.state_dict()
        ours.load_state_dict({name: found[name] for name in wanted if name in found}, strict=False)
