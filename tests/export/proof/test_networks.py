"""The networks themselves, as torch exports them: proved, with random statistics in their batch norms.

Of the ResNets the shallowest of each variant: the deeper ones repeat the same blocks. Every export proves
its own graph besides.
"""

import pytest
import torch

from phasekey.model import build_network

NETWORKS = [("lenet", None), ("resnet20", "alpha"), ("resnet20", "beta")]


@pytest.mark.parametrize(("arch", "variant"), NETWORKS)
def test_a_network_is_proved(check, arch, variant) -> None:
    torch.manual_seed(0)
    network = build_network(arch, classes=10, image=(3, 32, 32), variant=variant).eval()
    for module in network.processing.modules():
        for buffer in module.buffers(recurse=False):
            torch.nn.init.uniform_(buffer, 0.5, 2.0)
    verdict = check(processing_graph(network))
    assert verdict.proved, verdict
    assert verdict.grade == "exact"


def processing_graph(network):
    channels, height, width = network.feature_shape
    program = torch.onnx.export(
        network.processing,
        (torch.randn(2, 2 * channels, height, width),),
        input_names=["x"],
        output_names=["h"],
        dynamic_shapes=[{0: torch.export.Dim("batch")}],
        opset_version=20,
        dynamo=True,
        verbose=False,
    )
    return program.model_proto
