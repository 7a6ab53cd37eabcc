"""Presets, what wins over what, and the line that says what a run gets."""

import pytest

from phasekey.model import build_network
from phasekey.training.settings.config import TrainConfig
from phasekey.training.settings.modes import MODES, PRESETS, bound, chosen_settings, describe


def test_options_win_over_the_mode_and_the_mode_over_the_recipe():
    recipe = {"head": "deep-bottleneck", "defence": "hardened", "epochs": 16}
    settings = chosen_settings("bounded", recipe, {"sigma": 2.5})
    assert settings["epochs"] == 16
    assert settings["head"] == "norm-bottleneck"
    assert settings["defence"] == "none"
    assert settings["sigma"] == 2.5


def test_without_a_mode_a_recipe_stays_as_it_is():
    recipe = {"head": "deep-bottleneck", "defence": "hardened"}
    assert chosen_settings(None, recipe, {"epochs": 1}) == {**recipe, "epochs": 1}


def test_choosing_nothing_is_the_papers_mode():
    assert TrainConfig(**PRESETS["paper"]).facts() == TrainConfig().facts()


@pytest.mark.parametrize("mode", MODES)
def test_presets_set_the_same_things_and_build(mode):
    assert PRESETS[mode].keys() == PRESETS["paper"].keys()
    config = TrainConfig(**PRESETS[mode])
    network = build_network(
        "lenet", classes=3, image=(1, 32, 32), form=config.form, head=config.head, width=config.width,
        decoy=config.decoy_law, secret=config.secret, components=config.components, sigma=config.sigma,
    )  # fmt: skip
    source = {"paper": "gaussian-images", "bounded": "gaussian-features", "anonymous": "archive"}
    assert network.decoy_source == source[mode]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "paper: a secret rotation of feature and decoy, without a guarantee; --mode bounded and"),
        (PRESETS["bounded"], "bounded: one transmission tells the cloud at most 0.19 nats"),
        (PRESETS["anonymous"], "anonymous: the cloud sees 4 features in secret order"),
        ({**PRESETS["bounded"], "components": 12}, "orthogonal of 12 components, without a guarantee"),
        ({"form": "noisy"}, "the form noisy hides nothing"),
        (
            {"secret": "orthogonal", "components": 4, "decoy": "archive"},
            "4 features mixed by a secret",
        ),
        ({"defence": "none"}, "rotation of 2 components, without a guarantee"),
    ],
)
def test_a_run_says_what_it_gets(settings, said):
    assert said in describe(TrainConfig(**settings))


@pytest.mark.parametrize(
    "change",
    [{"components": 12}, {"head": "deep-bottleneck"}, {"decoy": "archive", "sigma": 1.0}, {"width": 24}],
)
def test_no_bound_is_claimed_where_an_assumption_is_missing(change):
    assert bound(TrainConfig(**PRESETS["bounded"])) == pytest.approx(0.186, abs=0.001)
    assert bound(TrainConfig(**{**PRESETS["bounded"], **change})) is None


def test_the_canonical_form_takes_its_secret_and_decoys_by_itself():
    config = TrainConfig(**chosen_settings(None, None, {"form": "canonical", "components": 4}))
    assert (config.secret, config.decoy_law, config.defence_name) == ("orthogonal", "archive", "none")
    assert describe(config) == "anonymous: the cloud takes 4 mixed features apart, one of them the image's"
    assert bound(config) is None
