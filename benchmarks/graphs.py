"""The graphs that are compared: a network's processing module in its complex and its real form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import onnx
import torch
from onnx import TensorProto, helper

from export.graphs import trace
from export.lowering import lower
from phasekey.model import SplitNetwork, build_network

Form = Literal["complex", "original"]
IMAGES = {"lenet": (1, 32, 32), "resnet20": (3, 32, 32), "vgg16": (3, 224, 224), "alexnet": (3, 224, 224)}
VARIANTS = {"resnet20": "alpha"}


@dataclass(frozen=True)
class Pair:
    """complex: as exported, x (N, 2C, H, W); before: traced without lowering; real: x (N, C, H, W).

    several: as exported for more components k, x (N, kC, H, W), by k.
    """

    complex: onnx.ModelProto
    before: onnx.ModelProto
    real: onnx.ModelProto
    feature: tuple[int, ...]
    several: dict[int, onnx.ModelProto]


def build(arch: str, classes: int = 10, components: Sequence[int] = ()) -> Pair:
    """Of one architecture, with random weights; all forms come from the same description."""
    torch.manual_seed(0)
    complex_form, real_form = _network(arch, classes, "complex"), _network(arch, classes, "original")
    feature = tuple(complex_form.feature_shape)
    x = torch.randn(2, 2 * feature[0], *feature[1:])
    return Pair(
        trace(lower(complex_form.processing, feature), {"x": x}, ["h"]),
        trace(complex_form.processing, {"x": x}, ["h"]),
        trace(real_form.processing, {"x": x[:, : feature[0]]}, ["h"]),
        feature,
        {k: _of_components(arch, classes, k) for k in components},
    )


def _of_components(arch: str, classes: int, components: int) -> onnx.ModelProto:
    network = _network(arch, classes, "complex", components)
    feature = tuple(network.feature_shape)
    x = torch.randn(2, components * feature[0], *feature[1:])
    return trace(lower(network.processing, feature), {"x": x}, ["h"])


def _network(arch: str, classes: int, form: Form, components: int = 2) -> SplitNetwork:
    network = build_network(
        arch,
        classes=classes,
        image=IMAGES[arch],
        variant=VARIANTS.get(arch),
        form=form,
        secret="rotation" if components == 2 else "orthogonal",
        components=components,
    ).eval()
    for name, statistic in network.processing.named_buffers():
        if "running" in name and statistic.is_floating_point():
            statistic.uniform_(0.5, 2.0)  # as after training: constants that are not all one
    return network


def with_half_wire(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with x and h in float16, converted inside by Cast."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    for node in graph.node:
        node.input[:] = ["x_float32" if name == "x" else name for name in node.input]
        node.output[:] = ["h_float32" if name == "h" else name for name in node.output]
    graph.node.insert(0, helper.make_node("Cast", ["x"], ["x_float32"], to=TensorProto.FLOAT))
    graph.node.append(helper.make_node("Cast", ["h_float32"], ["h"], to=TensorProto.FLOAT16))
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    return changed
