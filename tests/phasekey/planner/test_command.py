"""The command as people call it."""

import json
import re
from dataclasses import replace

import pytest
from PIL import Image

from phasekey.bundle import load_manifest
from phasekey.cli import main
from phasekey.model.architectures import describe
from phasekey.planner.network import name_of, work_of


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


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (describe("resnet20", "alpha").name, ("resnet20", "alpha")),
        (describe("resnet20", "beta").name, ("resnet20", "beta")),
        (describe("lenet", None, "early").name, ("lenet", None)),
        ("mine-early", ("mine-early", None)),
    ],
)
def test_the_name_of_a_network_that_was_built_in_python_is_taken_apart(exported, name, expected) -> None:
    """Such bundles, the benchmarks' among them, give the description's own name, "resnet20-alpha"."""
    renamed = replace(load_manifest(exported.edge), network={"arch": name})
    assert name_of(renamed) == expected


def test_a_bundle_of_the_benchmarks_is_planned_for(capsys, exported, monkeypatch) -> None:
    manifest = replace(load_manifest(exported.edge), network={"arch": "resnet20-alpha", "form": "complex"})
    monkeypatch.setattr("phasekey.planner.network.load_manifest", lambda _: manifest)
    said = plan(capsys, "--bundle", str(exported.edge))
    assert "this bundle's split" in said
    assert "early split after step 1 (16×32×32)" in said
    assert main(["plan", "--arch", "resnet20-alpha"]) == 2  # a bundle's name alone is taken apart


def test_a_canonical_form_has_no_head_and_its_frame_takes_time(capsys) -> None:
    """Half a millisecond for two components, however fast the cloud; ADR 44 measured .50 and .58."""
    options = ["--arch", "resnet8", "--json", "--cloud-gflops", "1e9"]
    plain, framed = (
        {way["name"]: way for way in json.loads(plan(capsys, *options, "--form", form))["ways"]}
        for form in ("complex", "canonical")
    )
    (name,) = (name for name in plain if name.startswith("early"))
    assert framed[name]["latency_ms"]["cloud"] == pytest.approx(0.56, abs=0.01)
    assert plain[name]["latency_ms"]["cloud"] < 0.01
    assert plain[name]["encode"] - framed[name]["encode"] == 2 * 16 * 16 * 32 * 32
    assert framed["the paper's split"]["frame"] == 0


def test_the_bundle_of_a_canonical_form_is_charged_for_its_frame(exported) -> None:
    manifest = load_manifest(exported.edge)
    assert work_of(manifest).frame == 0
    canonical = replace(manifest, network={**manifest.network, "form": "canonical"})
    assert work_of(canonical).frame == pytest.approx(0.56)
