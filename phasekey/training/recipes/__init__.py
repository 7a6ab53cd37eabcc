"""Recipes: one TOML file for each row of the paper's Tables 1 and 2, with the settings of its training.

A file has `about` (one sentence), `table` (1 or 2) and `[settings]`, whose names are TrainConfig's.
Recipes of our own have no table.
"""

import tomllib
from dataclasses import dataclass, fields
from importlib.resources import files
from typing import Any

from phasekey.training.errors import TrainingError
from phasekey.training.settings.config import TrainConfig

SUFFIX = ".toml"


@dataclass(frozen=True)
class Recipe:
    """A named set of settings. table: of the paper, where its row is; None where it has none."""

    name: str
    about: str
    table: int | None
    settings: dict[str, Any]


def recipe_names() -> tuple[str, ...]:
    """All recipes, in alphabetical order."""
    found = (entry.name for entry in files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(SUFFIX) for name in found if name.endswith(SUFFIX)))


def load_recipe(name: str) -> Recipe:
    """Read a recipe by its name. Raises TrainingError for an unknown name, or a setting that is none."""
    if name not in recipe_names():
        raise TrainingError(f"no recipe {name!r}; choose one of {', '.join(recipe_names())}")
    content = tomllib.loads((files(__name__) / f"{name}{SUFFIX}").read_text(encoding="utf-8"))
    known = {field.name for field in fields(TrainConfig)}
    unknown = sorted(content["settings"].keys() - known)
    if unknown:
        raise TrainingError(f"recipe {name!r} sets {', '.join(unknown)}, which training does not have")
    return Recipe(name, content["about"], content.get("table"), content["settings"])
