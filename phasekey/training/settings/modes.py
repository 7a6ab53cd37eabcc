"""`--mode`: presets over the settings that decide what is hidden, and what a run's settings come to.

Needs no torch, as phasekey.training.settings.config. docs/adr/0033 and 0034 have the reasons.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from phasekey.guarantee import at_most, nats_per_transmission
from phasekey.training.settings.config import DEFAULT_WIDTHS, TrainConfig

Mode = Literal["paper", "bounded", "anonymous"]
MODES: tuple[Mode, ...] = get_args(Mode)

PRESETS: Mapping[Mode, Mapping[str, Any]] = {
    "paper": {
        "form": "complex", "head": "paper", "width": None, "secret": "rotation", "components": 2,
        "decoy": "auto", "sigma": 1.0, "defence": "paper",
    },
    "bounded": {
        "form": "complex", "head": "norm-bottleneck", "width": 12, "secret": "orthogonal", "components": 24,
        "decoy": "gaussian", "sigma": 3.0, "defence": "none",
    },
    "anonymous": {
        "form": "original", "head": "paper", "width": None, "secret": "permutation", "components": 4,
        "decoy": "archive", "sigma": 1.0, "defence": "none",
    },
}  # fmt: skip


def chosen_settings(
    mode: Mode | None, recipe: Mapping[str, Any] | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Lay a run's settings over each other.

    Args:
        mode: asked for on the command line; it wins over the recipe, whose images, network and schedule stay.
        recipe: settings of a recipe.
        given: options on the command line; they win over all.

    Returns:
        What TrainConfig takes.
    """
    settings = {**(recipe or {}), **(PRESETS[mode] if mode else {}), **given}
    # The generator's four convolutions would undo what an early split saves.
    if settings.get("split") == "early" and settings.get("head", "paper") == "paper" and "head" not in given:
        settings["head"] = "light"
    if settings.get("form") == "canonical":  # takes no other
        settings.setdefault("secret", "orthogonal")
    return settings


def bound(config: TrainConfig) -> float | None:
    """Compute what one transmission of such a network tells at most (docs/adr/0034).

    Args:
        config: of the run.

    Returns:
        Nats; None where no bound holds: it takes the norm-bottleneck, Gaussian decoys, an orthogonal secret
        and more components than values.
    """
    width = config.width or DEFAULT_WIDTHS["norm-bottleneck"]
    fits = (config.form, config.head, config.decoy_law, config.secret) == (
        "complex", "norm-bottleneck", "gaussian", "orthogonal"
    )  # fmt: skip
    if not fits or config.components <= width:
        return None
    return nats_per_transmission(width, config.components, config.sigma)


def describe(config: TrainConfig) -> str:
    """Say in one line what hides the images of a run, and what that is worth."""
    nats, k = bound(config), config.components
    if nats is not None:
        return f"bounded: one transmission tells the cloud at most {at_most(nats)} nats about the image"
    if config.secret == "permutation":
        return f"anonymous: the cloud sees {k} features in secret order, one of them the image's"
    if config.form not in ("complex", "canonical"):
        return f"the form {config.form} hides nothing; it is a baseline"
    if config.form == "canonical":
        return f"anonymous: the cloud takes {k} mixed features apart, one of them the image's"
    if config.secret == "orthogonal" and config.decoy == "archive":
        return f"anonymous: the cloud sees {k} features mixed by a secret matrix, one of them the image's"
    paper = (config.secret, config.head, config.defence_name) == ("rotation", "paper", "paper")
    name = "paper: a secret rotation of feature and decoy" if paper else f"{config.secret} of {k} components"
    return f"{name}, without a guarantee; --mode bounded and --mode anonymous have one"
