"""The lowered module computes Φ: in both forms, for any batch, whatever its layers; nothing else changes."""

import copy

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from export.graphs import trace
from export.lowering import Stacked, Streams, lower
from export.proof import prove
from phasekey.graph_runtime import GraphSession
from phasekey.model import build_network
from phasekey.model.layers.equivariant import NormBatchNorm, NormMaxPool2d, PairDropout, PhaseReLU, Residual
from phasekey.model.network import Processing

FEATURE = (16, 10, 9)
FORMS = (Streams, Stacked)


def convolution(inputs: int = 16, outputs: int = 16, stride: int = 1) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)


LAYERS = {
    "δ after layers with and without batch norm": lambda: [
        *(PhaseReLU(1.0), convolution(16, 6), PhaseReLU(0.3), convolution(6), NormBatchNorm(16)),
        *(PhaseReLU(None), NormBatchNorm(16), convolution(), PhaseReLU(None, 2.0)),
    ],
    "δ and pooling": lambda: [
        *(convolution(), PhaseReLU(1.0), NormMaxPool2d(2), convolution()),
        *(PhaseReLU(None, 2.0), NormMaxPool2d(3, 2, 1), nn.Flatten(), nn.Linear(96, 3, bias=False)),
    ],
    "pooling by itself": lambda: [
        *(NormMaxPool2d(2), nn.AvgPool2d(2), convolution(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    ],
    "skips": lambda: [
        *(Residual(nn.Sequential(convolution(), NormBatchNorm(16)), nn.Identity()), PhaseReLU()),
        Residual(
            nn.Sequential(convolution(16, 8, 2)), nn.Sequential(convolution(16, 8, 2), NormBatchNorm(8))
        ),
    ],
    "vectors": lambda: [
        *(NormMaxPool2d(5), nn.Flatten(), nn.Linear(32, 7, bias=False), NormBatchNorm(7), PhaseReLU(None)),
        *(PairDropout(), nn.Sequential(nn.Linear(7, 5, bias=False), PhaseReLU(1.0))),
    ],
}


def module(layers: list[nn.Module]) -> Processing:
    generator = torch.Generator().manual_seed(1)
    for layer in nn.Sequential(*layers).modules():
        if isinstance(layer, NormBatchNorm):
            layer.running_squared_norm.uniform_(0.3, 3.0, generator=generator)
    return Processing(nn.Sequential(*layers)).eval()


def graph(processing: nn.Module, form: type | None, feature: tuple[int, ...] = FEATURE) -> onnx.ModelProto:
    example = torch.randn(2, 2 * feature[0], *feature[1:])
    return trace(lower(processing, feature, form=form), {"x": example}, ["h"])


def run(model: onnx.ModelProto, x: Tensor, folder) -> np.ndarray:
    path = folder / "graph.onnx"
    path.write_bytes(model.SerializeToString())
    return GraphSession(path).run({"x": x.numpy()})["h"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LAYERS)
def test_the_graph_computes_what_the_module_does_and_is_proved(name: str, form: type, tmp_path) -> None:
    torch.manual_seed(len(name))
    processing = module(LAYERS[name]())
    model = graph(processing, form)
    onnx.checker.check_model(model, full_check=True)
    verdict = prove(model)
    assert verdict.proved, verdict.failure
    for batch in (1, 3):
        x = torch.randn(batch, 2 * FEATURE[0], *FEATURE[1:])
        with torch.no_grad():
            expected = processing(x).numpy()
        found = run(model, x, tmp_path)
        assert found.shape == expected.shape
        assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 1e-5


ONE_THRESHOLD = {
    "δ last": lambda: [convolution(), PhaseReLU(0.3), convolution(), PhaseReLU(0.3)],
    "weights last": lambda: [
        *(convolution(), NormBatchNorm(16), PhaseReLU(0.3), PhaseReLU(None), nn.AvgPool2d(3)),
        *(nn.Flatten(), nn.Linear(144, 5, bias=False)),
    ],
    "x in both branches": lambda: [
        Residual(nn.Sequential(convolution(), PhaseReLU(0.3), convolution()), convolution()),
        *(PhaseReLU(0.3), Residual(convolution(), nn.Identity()), PhaseReLU(0.3), NormMaxPool2d(2)),
    ],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ONE_THRESHOLD)
def test_no_activation_divides_by_a_threshold_that_all_share(name: str, form: type, tmp_path) -> None:
    torch.manual_seed(len(name))
    processing = module(ONE_THRESHOLD[name]())
    model = graph(processing, form)
    assert prove(model).proved
    assert operators(model).count("Div") == (1 if name == "weights last" else 0)  # that of the mean norm
    x = torch.randn(3, 2 * FEATURE[0], *FEATURE[1:])
    with torch.no_grad():
        expected = processing(x).numpy()
    found = run(model, x, tmp_path)
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 1e-5


def test_thresholds_stay_where_x_enters_without_weights() -> None:
    layers = [PhaseReLU(0.3), convolution(), PhaseReLU(0.3)]
    assert operators(graph(module(layers), Streams)).count("Div") == 2


@pytest.mark.parametrize("form", FORMS)
def test_zeros_stay_zeros(form: type, tmp_path) -> None:
    model = graph(module([convolution(), PhaseReLU(None), NormMaxPool2d(2), PhaseReLU(1.0)]), form)
    h = run(model, torch.zeros(2, 2 * FEATURE[0], *FEATURE[1:]), tmp_path)
    np.testing.assert_array_equal(h, 0)


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


@pytest.mark.parametrize("form", FORMS)
def test_batch_norm_costs_nothing_and_pooling_comes_first(form: type) -> None:
    plain = graph(module([convolution(), PhaseReLU(None), NormMaxPool2d(2)]), form)
    normed = graph(module([convolution(), NormBatchNorm(16), PhaseReLU(None), NormMaxPool2d(2)]), form)
    assert operators(plain) == operators(normed)
    assert operators(plain).count("MaxPool") == 1  # no second one for the positions
    assert operators(plain).index("GatherElements") < operators(plain).index("Div")


def test_large_maps_go_as_streams_and_small_ones_stacked() -> None:
    layers = [convolution(), PhaseReLU()]
    assert operators(graph(module(layers), None)).count("Conv") == 1
    assert operators(graph(module(layers), None, (16, 16, 16))).count("Conv") == 2


def test_the_module_itself_is_left_untouched() -> None:
    network = build_network("resnet20", variant="alpha", classes=10, image=(3, 32, 32)).eval()
    before = copy.deepcopy(network.processing.state_dict())
    lower(network.processing, network.feature_shape)
    after = network.processing.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(layer._forward_hooks for layer in network.modules())


def test_a_module_in_training_keeps_its_statistics_and_its_mode() -> None:
    processing = module([convolution(), NormBatchNorm(16), PhaseReLU()]).train()
    before = copy.deepcopy(processing.state_dict())
    lower(processing, FEATURE)
    assert all(torch.equal(before[name], value) for name, value in processing.state_dict().items())
    assert all(layer.training for layer in processing.modules())


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.Conv2d(16, 16, 1, bias=True), nn.BatchNorm2d(16)])
def test_a_layer_that_is_not_known_leaves_the_module_as_it_is(layer: nn.Module) -> None:
    for layers in ([layer], [convolution(), Residual(nn.Sequential(layer), nn.Identity())]):
        processing = module(layers)
        assert lower(processing, FEATURE) is processing
    assert lower(layer, FEATURE) is layer
