"""The command as people call it."""

import json
import re

import pytest
from PIL import Image

from phasekey.cli import main


def plan(capsys, *arguments: str) -> str:
    assert main(["plan", *arguments]) == 0
    return capsys.readouterr().out


def test_a_fast_device_on_a_slow_link_is_told_to_do_it_itself(capsys) -> None:
    said = plan(capsys, "--arch", "lenet", "--device", "laptop", "--uplink-mbps", "1")
    assert "Run it on the device" in said
    assert re.search(r"→ whole network on the device", said)


def test_a_weak_device_on_a_fast_link_is_told_to_split(capsys) -> None:
    said = plan(
        capsys, "--arch", "resnet110", "--device-gflops", "0.05", "--uplink-mbps", "1000", "--rtt-ms", "2"
    )
    assert "Split it: early split after step 1" in said


def test_json_adds_up(capsys) -> None:
    facts = json.loads(plan(capsys, "--arch", "lenet", "--json", "--components", "4"))
    for way in facts["ways"]:
        parts = way["latency_ms"]
        assert sum(value for name, value in parts.items() if name != "total") == pytest.approx(parts["total"])
    assert facts["fastest_private"] in {way["name"] for way in facts["ways"] if way["private"]}


def test_the_picture_is_drawn(capsys, tmp_path) -> None:
    plan(capsys, "--arch", "lenet", "--plot", str(tmp_path / "plan.png"))
    with Image.open(tmp_path / "plan.png") as picture:
        assert min(picture.size) > 400


def test_this_machine_is_measured(capsys) -> None:
    facts = json.loads(plan(capsys, "--arch", "lenet", "--measure", "--json"))
    assert 0.01 < facts["speeds"]["device"] < 10_000
    assert 0 < facts["speeds"]["rtt"] < 1_000


@pytest.mark.parametrize(
    ("option", "value"), [("--uplink-mbps", "0"), ("--rtt-ms", "-1"), ("--components", "1")]
)
def test_speeds_that_make_no_sense_are_refused(capsys, option: str, value: str) -> None:
    assert main(["plan", "--arch", "lenet", option, value]) == 2
    assert option in capsys.readouterr().err


def test_a_bundle_is_planned_for_by_its_own_network(capsys, exported) -> None:
    said = plan(capsys, "--bundle", str(exported.edge))
    assert "early split after step 1 (6×14×14)" in said
