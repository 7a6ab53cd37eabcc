"""Operations by layer, against sums worked out by hand from kernel sizes and shapes."""

import pytest

from phasekey.model.architectures import describe
from phasekey.planner.layers import head_operations, layer_costs


def lenet_by_hand() -> int:
    first = 2 * (3 * 25) * 6 * 28 * 28  # 5 × 5 kernels on 3 channels, 32 - 4 = 28 positions a side
    second = 2 * (6 * 25) * 16 * 10 * 10
    return first + second + 2 * (400 * 120 + 120 * 84 + 84 * 10)


def resnet20_by_hand() -> int:
    stem = 2 * 27 * 16 * 32 * 32
    total, inputs = stem, 16
    for width, side in ((16, 32), (32, 16), (64, 8)):
        for _ in range(3):
            total += 2 * 9 * (inputs * width + width * width) * side * side
            total += 2 * inputs * width * side * side if inputs != width else 0  # the 1 × 1 shortcut
            inputs = width
    return total + 2 * 64 * 10


@pytest.mark.parametrize(("arch", "expected"), [("lenet", lenet_by_hand()), ("resnet20", resnet20_by_hand())])
def test_the_sum_is_the_one_by_hand(arch: str, expected: int) -> None:
    costs = layer_costs(describe(arch), classes=10, image=(3, 32, 32))
    assert sum(cost.operations for cost in costs) == expected


def test_no_cut_where_the_device_could_still_shrink() -> None:
    costs = layer_costs(describe("lenet"), classes=10, image=(3, 32, 32))
    assert [cost.shape for cost in costs if cost.ends_a_step] == [(6, 14, 14), (400,), (120,), (84,)]


def test_heads_by_hand() -> None:
    assert head_operations((16, 32, 32), "light") == 2 * 16 * 16 * 1024
    assert head_operations((16, 32, 32), "paper") == 4 * 2 * 9 * 16 * 16 * 1024
    assert head_operations((84,), "light") == 2 * 84 * 84
