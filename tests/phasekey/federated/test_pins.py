"""The two lists of pins differ where Flower makes them, and nowhere else."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HELD_BACK = {"attrs", "packaging", "rich"}


def pins(name):
    lines = [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.lower().replace("_", "-").split("==") for line in lines)


def test_both_environments_have_the_same_versions_of_what_both_have():
    ours, flowers = pins("constraints.txt"), pins("constraints-federated.txt")
    common = ours.keys() & flowers.keys()
    assert {name for name in common if ours[name] != flowers[name]} == HELD_BACK
    assert {"torch", "onnxruntime", "flwr"} <= flowers.keys()
