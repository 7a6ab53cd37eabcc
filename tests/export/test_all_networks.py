"""All 13 networks: the processing graph that is shipped is proved, and computes what PyTorch does."""

import numpy as np
import pytest
import torch

from export.checks.parity import relative_l2
from export.graphs import trace
from export.lowering import lower
from export.proof import prove
from export.session import open_graph
from phasekey.model import build_network
from phasekey.model.architectures import describe
from phasekey.model.table import networks


@pytest.mark.parametrize(("arch", "variant"), list(networks()))
def test_the_shipped_graph_is_proved_and_right(arch: str, variant: str | None) -> None:
    torch.manual_seed(0)
    side = describe(arch, variant).image_size
    with torch.device("meta"):  # the large decoders take half a gigabyte, and play no part here
        processing = build_network(arch, variant=variant, classes=10, image=(3, side, side)).eval()
    shape, module = processing.feature_shape, processing.processing.to_empty(device="cpu")
    with torch.no_grad():
        for value in module.state_dict().values():
            fan_in = max(1, value[0].numel() if value.dim() > 1 else 1)
            # Weights of He's size; batch norm's levels anything positive.
            value.copy_(
                torch.randn_like(value) / fan_in**0.5 if value.dim() > 1 else torch.rand_like(value) + 0.5
            )
    x = torch.randn(3, 2 * shape[0], *shape[1:])
    graph = trace(lower(module, shape), {"x": x}, ["h"])
    verdict = prove(graph)
    assert verdict.proved, verdict.failure
    assert verdict.grade == "exact"
    with torch.no_grad():
        errors = relative_l2(open_graph(graph).run({"x": x.numpy()})["h"], module(x).numpy())
    # The median: of two nearly equal norms the runtimes may pool one each, and that sample is far off.
    assert np.median(errors) < 1e-5
