"""What each way computes and sends; the paper's split against the network that is really built."""

import math

import pytest
import torch

from phasekey.model import build_network
from phasekey.model.architectures import describe
from phasekey.model.counting import count_operations
from phasekey.planner.errors import PlannerError
from phasekey.planner.ways import Hiding, ways


def plan_of(arch: str, hiding: Hiding = Hiding(), side: int = 32):  # noqa: B008 - frozen
    return ways(describe(arch), classes=10, image=(3, side, side), hiding=hiding)


@pytest.mark.parametrize("arch", ["lenet", "resnet20"])
def test_the_papers_split_is_that_of_the_built_network(arch: str) -> None:
    network = build_network(arch, classes=10, image=(3, 32, 32)).eval()
    x = torch.zeros(1, 2 * network.feature_shape[0], *network.feature_shape[1:])
    paper = plan_of(arch).paper
    assert paper.encode == 2 * count_operations(network.encoder, torch.zeros(1, 3, 32, 32))
    assert paper.cloud == count_operations(network.processing, x)
    assert paper.decode == count_operations(network.decoder, torch.zeros(1, *network.processed_shape))
    assert (paper.up, paper.down) == (2 * x.numel(), 2 * 2 * math.prod(network.processed_shape))


@pytest.mark.parametrize(
    ("arch", "side", "share"),
    [("lenet", 32, 1.86), ("resnet20", 32, 1.41), ("resnet56", 32, 1.13), ("alexnet", 224, 2.88),
     ("vgg16", 224, 1.93)],
)  # fmt: skip
def test_the_papers_split_costs_more_than_the_whole_network(arch: str, side: int, share: float) -> None:
    plan = plan_of(arch, side=side)
    assert plan.paper.device / plan.local.device == pytest.approx(share, abs=0.01)


def test_nothing_is_lost_between_the_sides() -> None:
    plan = plan_of("resnet20", Hiding(components=4))
    for split in plan.splits:
        head = 2 * int(split.name.split("(")[1].split("×")[0]) ** 2 * math.prod(feature_of(split.name)[1:])
        assert split.encode - head + split.cloud // 4 + split.decode == plan.local.device


def feature_of(name: str) -> tuple[int, ...]:
    return tuple(map(int, name.split("(")[1].rstrip(")").split("×")))


def test_components_multiply_the_clouds_work_and_the_bytes_not_the_devices() -> None:
    two, eight = (plan_of("resnet20", Hiding(components)) for components in (2, 8))
    for few, many in zip(two.splits, eight.splits, strict=True):
        assert (many.cloud, many.up, many.down) == (4 * few.cloud, 4 * few.up, 4 * few.down)
        assert many.device == few.device


def test_drawn_decoys_cost_a_pass_each() -> None:
    prepared, drawn = (plan_of("lenet", Hiding(3, decoys)) for decoys in ("prepared", "drawn"))
    assert [way.encode for way in drawn.splits] == [3 * way.encode for way in prepared.splits]


def test_one_component_hides_nothing() -> None:
    with pytest.raises(PlannerError, match="2 or more"):
        plan_of("lenet", Hiding(1))
