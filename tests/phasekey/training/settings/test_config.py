import subprocess
import sys
from pathlib import Path

import pytest

from phasekey.training.errors import TrainingError
from phasekey.training.settings.config import TrainConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0),
        ("batch_size", 1),
        ("image_size", 0),
        ("lr", 0.0),
        ("lr", float("nan")),
        ("weight_decay", -0.1),
        ("gamma", -1.0),
        ("warmup", float("inf")),
        ("seed", -1),
        ("optimiser", "adam"),
        ("schedule", "linear"),
        ("precision", "float8"),
        ("save_every", -1.0),
        ("augment", "rotate"),
        ("device", "tpu"),
        ("head", "wide"),
        ("width", 0),
        ("decoy", "pool"),
        ("defence", "strong"),
        ("critic", "spectral"),
        ("k", 1),
        ("attack_steps", 0),
        ("defence_weight", -1.0),
        ("secret", "key"),
        ("components", 1),
        ("sigma", 0.0),
        ("draws", 0),
        ("consistency", -1.0),
    ],
)
def test_a_value_out_of_range_is_named_with_its_option(name, value):
    with pytest.raises(TrainingError, match=f"--{name.replace('_', '-')} takes .*; got {value!r}"):
        TrainConfig(**{name: value})


def test_facts_are_plain_and_leave_out_where_the_run_was_written():
    facts = TrainConfig(data="digits", lr=0.01, out=Path("here")).facts()
    assert facts["lr"] == 0.01
    assert "out" not in facts
    assert all(isinstance(value, str | int | float | None) for value in facts.values())


def test_the_options_and_the_data_need_no_torch():
    code = (
        "import sys\nimport phasekey.training.command, phasekey.training.settings.config\n"
        "from phasekey.training.data.registry import load_dataset\n"
        "print(len(load_dataset('digits').train), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1442", "False"]


@pytest.mark.parametrize(
    ("settings", "law"),
    [
        ({}, "another-input"),
        ({"head": "bottleneck"}, "another-input"),
        ({"defence": "hardened"}, "another-input"),
        ({"head": "bottleneck", "defence": "hardened"}, "gaussian"),
        ({"head": "deep-bottleneck", "defence": "hardened"}, "gaussian"),
        ({"head": "deep-bottleneck", "defence": "hardened", "decoy": "mixture"}, "mixture"),
    ],
)
def test_decoys_are_gaussian_where_a_bottleneck_is_hardened(settings, law):
    config = TrainConfig(**settings)
    assert config.decoy_law == config.facts()["decoy"] == law


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"secret": "orthogonal", "defence": "paper"}, "--defence paper searches the angles of a rotation"),
        ({"secret": "orthogonal", "defence": "hardened"}, "--secret is orthogonal; use --defence none"),
        ({"consistency": 1.0}, "use --draws 2 or more"),
        ({"consistency": 1.0, "draws": 2, "form": "original"}, "the complex form"),
    ],
)
def test_settings_that_contradict_each_other_are_named_before_any_data_is_read(settings, message):
    with pytest.raises(TrainingError, match=message):
        TrainConfig(**settings)


def test_the_papers_defence_comes_with_rotations_and_none_with_other_secrets():
    assert TrainConfig().facts()["defence"] == "paper"
    assert TrainConfig(secret="orthogonal", components=4).facts()["defence"] == "none"
