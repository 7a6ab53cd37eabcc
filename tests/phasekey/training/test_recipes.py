from dataclasses import replace

import pytest

from phasekey.model import build_network
from phasekey.training.errors import TrainingError
from phasekey.training.recipes import load_recipe, recipe_names
from phasekey.training.reproduction.published import Published
from phasekey.training.settings.config import TrainConfig
from phasekey.training.settings.modes import PRESETS

RESNETS = [
    f"resnet{depth}-{variant}-cifar10" for depth in (20, 32, 44, 56, 110) for variant in ("alpha", "beta")
]
TABLES = {
    1: RESNETS,
    2: ["lenet-cifar10", "lenet-cifar100", "resnet56-alpha-cifar100", "resnet110-alpha-cifar100",
        "vgg16-cub200", "alexnet-celeba"],
}  # fmt: skip
OWN = [f"lenet-cifar10-{mode}" for mode in ("anonymous", "bounded", "hardened")]


def test_every_row_of_both_tables_has_a_recipe_and_published_figures():
    assert sorted(recipe_names()) == sorted(TABLES[1] + TABLES[2] + OWN)
    assert sorted(TABLES[1] + TABLES[2]) == sorted(Published().rows)
    for table, names in {**TABLES, None: OWN}.items():
        assert {load_recipe(name).table for name in names} == {table}


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_is_a_run_of_the_network_and_data_in_its_name(name):
    config = TrainConfig(**load_recipe(name).settings)
    paper = name.removesuffix("-hardened").removesuffix("-bounded").removesuffix("-anonymous")
    arch, *variant, data = paper.split("-")
    assert config.arch == arch
    assert config.variant == (variant[0] if variant else None)
    assert data in config.data.replace("-coarse", "").replace("cub200-boxes", "cub200")
    assert replace(config, epochs=1).epochs == 1


@pytest.mark.parametrize("mode", ["bounded", "anonymous"])
def test_our_recipes_are_the_modes(mode):
    config = TrainConfig(**load_recipe(f"lenet-cifar10-{mode}").settings)
    assert replace(config, **PRESETS[mode]).facts() == config.facts()


@pytest.mark.parametrize("name", ["lenet-cifar10", "resnet32-beta-cifar10"])
def test_a_recipe_names_a_network_that_is_there(name):
    settings = load_recipe(name).settings
    network = build_network(
        settings["arch"], variant=settings.get("variant"), classes=10, image=(3, 32, 32), form="original"
    )
    assert network.architecture.name.startswith(settings["arch"])


def test_an_unknown_recipe_is_named_with_those_there_are():
    with pytest.raises(TrainingError, match=r"no recipe 'lenet5'; choose one of .*lenet-cifar10"):
        load_recipe("lenet5")
