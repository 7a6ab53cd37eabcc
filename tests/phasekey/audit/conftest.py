"""Scenes with known answers, built once, and a cache in which every attack runs once on each.

`findings_of("inversion-1", "leaky")` runs what that attack builds on first. Whoever asks for the same again
gets the same findings, so one training serves the tests of the attack, of its scores and of the controls.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable

import numpy as np
import pytest

from phasekey.audit.attack import Attack, Findings, Leak, Unwatched, builds_on
from phasekey.audit.attacks import ATTACKS
from phasekey.audit.budget import EFFORTS
from phasekey.audit.result.result import AttackResult, Audit, Figure
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.build import Keys, Labelled
from phasekey.audit.scene.controls import (
    ConstantDevice,
    GaussianDevice,
    LeakyDevice,
    MemorisingDevice,
    control_scene,
)
from phasekey.audit.scene.scene import DecoyLaw, Device, Scene
from phasekey.audit.scene.view import view_of
from phasekey.audit.scoring.scores import ScoreContext, score

SEED = 3
IMAGE_SIZE = 16  # networks that return images cost a quarter of what they do at 32
KNOWN = 1200  # of 1,797: the rest is enough for the validation and test images of EFFORTS["control"]

FindingsOf = Callable[[str, str], Findings]
FiguresOf = Callable[[str, str], dict[str, Figure]]


@pytest.fixture(scope="session")
def watch() -> Unwatched:
    return Unwatched()


@pytest.fixture(scope="session")
def digits() -> tuple[Labelled, Labelled]:
    """(known, unseen): real digits, uint8 (N, 16, 16, 1), 1,200 and 597."""
    from phasekey.training.data.registry import load_dataset

    data = load_dataset("digits", IMAGE_SIZE)
    images = np.concatenate([data.train.images, data.test.images])
    labels = np.concatenate([data.train.labels, data.test.labels])
    rows = np.random.default_rng(SEED).permutation(len(images))
    everything = Labelled(images, labels, labels)
    return everything.rows(rows[:KNOWN]), everything.rows(rows[KNOWN:])


def _scene(
    digits: tuple[Labelled, Labelled], device: Device, law: DecoyLaw = "device", keys: Keys = "derived"
) -> Scene:
    return control_scene(device, *digits, EFFORTS["control"], SEED, decoy_law=law, keys=keys)


@pytest.fixture(scope="session")
def leaky(digits: tuple[Labelled, Labelled]) -> Scene:
    """An encoder that any attack worth the name breaks; decoys by the device's law, derived keys."""
    return _scene(digits, LeakyDevice(digits[0]))


@pytest.fixture(scope="session")
def leaky_pool(digits: tuple[Labelled, Labelled]) -> Scene:
    """The same with decoys from a pool that the attacker holds: other images' features."""
    return _scene(digits, LeakyDevice(digits[0]), law="another-input")


@pytest.fixture(scope="session")
def leaky_fresh(digits: tuple[Labelled, Labelled]) -> Scene:
    """The same with fresh keys: a repeated image goes out under another angle and another decoy."""
    return _scene(digits, LeakyDevice(digits[0]), keys="fresh")


@pytest.fixture(scope="session")
def gaussian(digits: tuple[Labelled, Labelled]) -> Scene:
    """Nothing to learn of the angle."""
    return _scene(digits, GaussianDevice())


@pytest.fixture(scope="session")
def gaussian_fresh(digits: tuple[Labelled, Labelled]) -> Scene:
    """Nothing to learn of the angle from one x, everything from two."""
    return _scene(digits, GaussianDevice(), keys="fresh")


@pytest.fixture(scope="session")
def constant(digits: tuple[Labelled, Labelled]) -> Scene:
    """Nothing to learn of the image."""
    return _scene(digits, ConstantDevice())


@pytest.fixture(scope="session")
def memorising(digits: tuple[Labelled, Labelled]) -> Scene:
    """A network that is sure of its training images only."""
    return _scene(digits, MemorisingDevice(digits[0]))


SCENES = ("leaky", "leaky_pool", "leaky_fresh", "gaussian", "gaussian_fresh", "constant", "memorising")


@pytest.fixture(scope="session")
def scene_of(request: pytest.FixtureRequest) -> Callable[[str], Scene]:
    """A scene by its name in SCENES."""
    return lambda name: request.getfixturevalue(name)


@pytest.fixture(scope="session")
def findings_of(scene_of: Callable[[str], Scene], watch: Unwatched) -> FindingsOf:
    """findings_of(attack's name, scene's name), with what it builds on; each runs once."""
    attacks: dict[str, Attack] = {attack.name: attack for attack in ATTACKS}
    kept: dict[tuple[str, str], Findings] = {}

    def find(name: str, scene_name: str) -> Findings:
        key = (name, scene_name)
        if key not in kept:
            attack, scene = attacks[name], scene_of(scene_name)
            before = [
                other.name
                for other in ATTACKS
                if builds_on(attack, other) and other.why_not(view_of(scene)) is None
            ]
            left = (each for other in before for each in find(other, scene_name).artefacts)
            earlier = (each for each in left if isinstance(each, attack.needs))
            kept[key] = attack_scene(attack, scene, EFFORTS["control"], SEED, *earlier)
        return kept[key]

    return find


@pytest.fixture
def small_audit() -> Audit:
    """A whole audit written by hand: two attacks on the angle, one on the decoy."""

    def attack(name: str, leak: Leak, *figures: Figure) -> AttackResult:
        return AttackResult(name, leak, name, "classical", "How.", "Remedy.", figures)

    def angle(value: float) -> Figure:
        low, high = value - 0.05, value + 0.05
        return Figure("angle_circle", "radians", value, low, high, 1.5708, None, True, {"constant": 1.57})

    found = Figure("decoy_identified", "share", 0.5, 0.45, 0.55, 0.0003, None, False, {})
    return Audit(
        subject={
            "kind": "checkpoint", "sha256": "5b" * 32, "audited": "in float32", "name": "small",
            "network": "lenet", "form": "complex", "gamma": None, "defence": "paper", "head": "paper",
            "decoy_in_training": "another-input", "feature": [6, 14, 14], "data": "digits",
            "decoy_law": "device", "keys": "derived", "box": "white", "incomplete": None,
        },
        effort={"name": "quick", "batch": 64, "paper_sizes": False},
        splits={"train": 100, "validation": 20, "test": 30},
        facts={
            "date": "2026-11-23", "seed": 0, "hardware": "a machine", "versions": {"numpy": "2"},
            "cpu_seconds": {"likelihood": 1.5}, "notes": [],
        },
        task_error=4.5,
        property_names=tuple("0123456789"),
        property_is_task=True,
        attacks=(
            attack("mean-template", "angle", angle(1.2)),
            attack("likelihood", "angle", angle(1.0)),
            attack("decoy-pool", "decoy", found),
        ),
    )  # fmt: skip


@pytest.fixture(scope="session")
def context_of(scene_of: Callable[[str], Scene], findings_of: FindingsOf) -> Callable[[str], ScoreContext]:
    """What scores of a scene need, made once; with the right key's pictures, if that attack is there."""
    kept: dict[str, ScoreContext] = {}

    def context(scene_name: str) -> ScoreContext:
        if scene_name not in kept:
            there = any(attack.name == "right-key" for attack in ATTACKS)
            right_key = findings_of("right-key", scene_name) if there else None
            kept[scene_name] = ScoreContext.of(scene_of(scene_name), SEED, right_key)
        return kept[scene_name]

    return context


@pytest.fixture(scope="session")
def figures_of(
    scene_of: Callable[[str], Scene],
    findings_of: FindingsOf,
    context_of: Callable[[str], ScoreContext],
) -> FiguresOf:
    """figures_of(attack's name, scene's name): its figures by their keys."""
    attacks: dict[str, Attack] = {attack.name: attack for attack in ATTACKS}

    def figures(name: str, scene_name: str) -> dict[str, Figure]:
        attack, findings = attacks[name], findings_of(name, scene_name)
        # Only reconstructions are held against the right key's, and only they need the recogniser.
        scene = scene_of(scene_name)
        context = context_of(scene_name) if attack.leak == "inversion" else ScoreContext.of(scene, SEED)
        return {figure.key: figure for figure in score(attack, findings, scene, context)}

    return figures
