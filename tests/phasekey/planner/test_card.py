"""Three lines on the card, recomputed from the manifest by hand."""

from dataclasses import replace

import pytest

from export.writing.card import card_text
from phasekey.bundle import load_manifest
from phasekey.planner.card import plan_lines

LENET = 2 * (3 * 25 * 6 * 28**2 + 6 * 25 * 16 * 10**2 + 400 * 120 + 120 * 84 + 84 * 10)


def lines_of(manifest, **cost):
    counted = {**manifest.export["cost"], **cost}
    return plan_lines(replace(manifest, export={**manifest.export, "cost": counted}))


@pytest.fixture
def manifest(exported):
    return load_manifest(exported.edge)


def test_each_class_of_devices_has_its_line_on_the_card(manifest):
    card = card_text(manifest, dict.fromkeys(("encoder", "processing", "decoder"), 1))
    part = card.split("## Is the split worth it?")[1].split("##")[0]
    said = [line for line in part.splitlines() if line.startswith("- ")]
    assert [line.split("**")[1] for line in said] == ["camera", "phone", "laptop"]
    assert said == [f"- {line}" for line in plan_lines(manifest)]


def test_times_are_those_of_the_model(manifest):
    """Of a grey LeNet on the camera: 10⁸ operations a second, 20 and 100 Mbit/s, 30 ms, a cloud of 2·10¹²."""
    grey = LENET - 2 * 2 * 25 * 6 * 28**2  # one channel in place of three
    cost = {
        "flops_encoder": 10**6, "flops_processing": 10**9, "flops_decoder": 10**5,
        "bytes_up": 10_000, "bytes_down": 1_000,
    }  # fmt: skip
    camera, phone, _ = lines_of(manifest, **cost)
    split = 11.0 + 8 * 10_000 / 20e3 + 8 * 1_000 / 100e3 + 30 + 0.5
    assert f"This split takes {split:.3g} ms and {1.1e6 / grey:.1%} of" in camera
    assert f"the whole network there {grey / 1e5:.3g} ms" in camera
    assert "**run it on the device**" in phone


def test_a_split_that_pays_is_said_to_pay(manifest):
    camera, *_ = lines_of(manifest, flops_encoder=10, flops_decoder=10)
    slow = replace(manifest, network={**manifest.network, "arch": "resnet20", "variant": "alpha"})
    assert "**run it on the device**" in camera  # 9 ms there
    assert "**split it**" in lines_of(slow, flops_encoder=10, flops_decoder=10)[0]


def test_a_network_of_ones_own_is_planned_for_by_its_own_count(manifest):
    own = replace(manifest, network={**manifest.network, "arch": "custom", "variant": None})
    camera, *_ = lines_of(own, flops_plain=5 * 10**6)
    assert "the whole network there 50 ms" in camera
