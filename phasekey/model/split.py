"""A door for networks of one's own: an nn.Sequential, cut in three, its middle made complex."""

from collections.abc import Callable, Iterator, Mapping
from inspect import signature
from typing import Any, cast

import torch
from torch import nn

from phasekey.model import description as d
from phasekey.model.description import Architecture
from phasekey.model.errors import ModelError
from phasekey.model.network import SplitNetwork
from phasekey.model.pixels import Scale

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
    pixel_mean: Scale = 0.5,
    pixel_std: Scale = 0.25,
    **options: Any,
) -> SplitNetwork:
    """Cut a model in three and make its middle complex.

    Weights are copied; the processing module loses its biases and means, and the head is new, so the
    result has to be trained: phasekey.training.fit. With form="original" nothing is lost: a network for the
    secret "permutation"; nor with form="canonical", for the secret "orthogonal".

    Args:
        model: children [:encoder_end] become the encoder (a head is added), [decoder_start:] the decoder, and
            what lies between the processing module. It ends in a Linear layer of one output for each class.
            Nested Sequentials are opened.
        encoder_end: number of the first child after the encoder.
        decoder_start: number of the decoder's first child.
        image: (C, H, W) of what it takes.
        threshold: c of δ (Eq. 6) for two components, or None for c_k.
        pixel_mean: of the scaling (pixel - mean) / std that the weights know, for pixels from 0 to 1; one
            number, or one for each channel.
        pixel_std: likewise. Mean 0 with std 1 is no scaling, std 1/255 is for weights that know 0 to 255.
        **options: SplitNetwork's own: form, head, width, decoy and so on.

    Raises:
        ModelError: a layer that cannot be converted, or does not fit what comes before it: which one, and
            why; split points, an image size or an option that cannot be.
    """
    _check_arguments(model, encoder_end, decoder_start, image, options)
    bounds = [(0, encoder_end), (encoder_end, decoder_start), (decoder_start, len(model))]
    parts = [list(_leaves(model, range(*ends))) for ends in bounds]
    last = _last_of(parts[-1])
    _require_channels(parts, image)
    layers = [[_describe(name, module) for name, module in part] for part in parts]
    layers[-1][-1] = d.Classes()
    first, middle, _ = map(len, layers)
    described = tuple(layer for part in layers for layer in part)
    architecture = Architecture(
        "own", described, first, first + middle, threshold, pixel_mean=pixel_mean, pixel_std=pixel_std
    )
    network = SplitNetwork(architecture, classes=last.out_features, image=image, **options)
    _copy_weights(network, parts)
    return network


def _check_arguments(
    model: Any, encoder_end: Any, decoder_start: Any, image: Any, options: Mapping[str, Any]
) -> None:
    if not isinstance(model, nn.Sequential):
        raise ModelError(
            "split takes an nn.Sequential, whose children run one after another; got a "
            f"{type(model).__name__}: list its layers as nn.Sequential(...), or describe it as "
            "phasekey/model/architectures does"
        )
    points = (encoder_end, decoder_start)
    if not (all(type(point) is int for point in points) and 0 < encoder_end < decoder_start < len(model)):
        raise ModelError(
            "split points must lie in order inside the model, 0 < encoder_end < decoder_start < "
            f"{len(model)}; got {encoder_end!r} and {decoder_start!r}"
        )
    sizes = tuple(image) if isinstance(image, tuple | list) else ()
    if len(sizes) != 3 or not all(type(size) is int and size > 0 for size in sizes):
        raise ModelError(f"image is (channels, height, width), three whole numbers above 0; got {image!r}")
    known = set(signature(SplitNetwork).parameters) - {"architecture", "classes", "image"}
    if unknown := sorted(set(options) - known):
        raise ModelError(f"split has no option {unknown[0]!r}; it takes {', '.join(sorted(known))}")


def _require_channels(parts: list[list[tuple[str, nn.Module]]], image: tuple[int, int, int]) -> None:
    convolutions = ((name, leaf) for part in parts for name, leaf in part if isinstance(leaf, nn.Conv2d))
    name, first = next(convolutions, ("", None))
    if first is not None and first.in_channels != image[0]:
        raise ModelError(
            f"layer {name}, Conv2d, takes {first.in_channels} channels, but image {image!r} has {image[0]}: "
            "image is (channels, height, width)"
        )


def _last_of(decoder: list[tuple[str, nn.Module]]) -> nn.Linear:
    name, last = decoder[-1] if decoder else ("none", nn.Identity())
    if not isinstance(last, nn.Linear):
        raise ModelError(
            f"the model must end in nn.Linear, one output for each class, but layer {name} is a "
            f"{type(last).__name__}; leave what comes after the logits out"
        )
    return last


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


def _batch_norm(name: str, module: nn.BatchNorm1d | nn.BatchNorm2d) -> d.Layer:
    _require(name, module, eps=1e-5, track_running_stats=True)
    return d.BatchNorm()


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
    nn.BatchNorm1d: _batch_norm,
    nn.BatchNorm2d: _batch_norm,
    nn.ReLU: lambda *_: d.Activation(),
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _avg_pool,
    nn.AdaptiveAvgPool2d: _global_pool,
    nn.Dropout: lambda _, module: d.Dropout(module.p),
    nn.Flatten: _flatten,
}


def _copy_weights(network: SplitNetwork, parts: list[list[tuple[str, nn.Module]]]) -> None:
    encoder = cast(nn.Sequential, network.encoder[1])  # between Centre and the head
    middle = network.processing.layers if network.mixes else network.processing
    layers = list(cast(nn.Sequential, middle))
    opening = len(layers) - len(parts[1])  # a bottleneck's way back to the map
    pairs = [*zip(encoder, parts[0], strict=True), *zip(layers[opening:], parts[1], strict=True)]
    for ours, (name, theirs) in [*pairs, *zip(network.decoder, parts[2], strict=True)]:
        _copy(ours, name, theirs)


@torch.no_grad()
def _copy(ours: nn.Module, name: str, theirs: nn.Module) -> None:
    if type(ours) is not type(theirs):
        return
    wanted, found = ours.state_dict(), theirs.state_dict()
    for key in wanted.keys() & found.keys():
        if wanted[key].shape != found[key].shape:
            raise ModelError(
                f"layer {name}, {type(theirs).__name__}, has a {key} of {tuple(found[key].shape)}, but what "
                f"comes before it, for an image of this size, needs {tuple(wanted[key].shape)}: give "
                "the size of image, (channels, height, width), that the model takes"
            )
    ours.load_state_dict({key: found[key] for key in wanted if key in found}, strict=False)
