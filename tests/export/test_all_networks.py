"""All 13 networks: the processing graph that is shipped is proved, and computes what PyTorch does."""

import numpy as np
import pytest
import torch

from export.checks.parity import relative_l2
from export.graphs import trace
from export.lowering import lower
from export.proof import Group, prove
from export.session import open_graph
from phasekey.model import build_network
from phasekey.model.architectures import describe
from phasekey.model.table import networks


def processing_of(arch: str, variant: str | None, components: int) -> tuple[torch.nn.Module, tuple[int, ...]]:
    """The module with random weights, and the shape of its feature."""
    torch.manual_seed(0)
    side = describe(arch, variant).image_size
    with torch.device("meta"):  # the large decoders take half a gigabyte, and play no part here
        network = build_network(
            *(arch,), variant=variant, classes=10, image=(3, side, side), secret="orthogonal",
            components=components,
        ).eval()  # fmt: skip
    module = network.processing.to_empty(device="cpu")
    with torch.no_grad():
        for value in module.state_dict().values():
            fan_in = max(1, value[0].numel() if value.dim() > 1 else 1)
            # Weights of He's size; batch norm's levels anything positive.
            value.copy_(
                torch.randn_like(value) / fan_in**0.5 if value.dim() > 1 else torch.rand_like(value) + 0.5
            )
    return module, network.feature_shape


@pytest.mark.parametrize(("arch", "variant"), list(networks()))
def test_the_shipped_graph_is_proved_and_right(arch: str, variant: str | None) -> None:
    module, shape = processing_of(arch, variant, 2)
    x = torch.randn(3, 2 * shape[0], *shape[1:])
    graph = trace(lower(module, shape), {"x": x}, ["h"])
    for verdict in (prove(graph), prove(graph, group=Group(2, reflections=True))):
        assert verdict.proved, verdict.failure
        assert verdict.grade == "exact"
    with torch.no_grad():
        errors = relative_l2(open_graph(graph).run({"x": x.numpy()})["h"], module(x).numpy())
    # The median: of two nearly equal norms the runtimes may pool one each, and that sample is far off.
    assert np.median(errors) < 1e-5


# Of the ResNets the shallowest of each variant: the deeper ones repeat the same blocks, and every export
# proves its own graph besides.
@pytest.mark.parametrize("components", [4, 8])
@pytest.mark.parametrize(
    ("arch", "variant"),
    [("lenet", None), ("alexnet", None), ("vgg16", None), ("resnet20", "alpha"), ("resnet20", "beta")],
)
def test_of_k_components_too(arch: str, variant: str | None, components: int) -> None:
    module, shape = processing_of(arch, variant, components)
    x = torch.randn(2, components * shape[0], *shape[1:])
    graph = trace(lower(module, shape), {"x": x}, ["h"])
    verdict = prove(graph, group=Group(components, reflections=True))
    assert verdict.proved, verdict.failure
    if arch != "vgg16":  # whose runs take seconds
        with torch.no_grad():
            errors = relative_l2(open_graph(graph).run({"x": x.numpy()})["h"], module(x).numpy())
        assert np.median(errors) < 1e-5
