"""All attacks, one small file each. A new one is its file and a line of LISTED."""

from importlib import import_module
from inspect import isabstract

from phasekey.audit.attack import Attack, in_order

# In the order of reports. Each runs behind those whose artefacts it needs, which may move it further down.
LISTED = (
    "angle.mean_template",
    "angle.likelihood",
    "angle.ica",
    "angle.discriminator_angle",
    "angle.angle_network",
    "angle.density_ratio",
    "angle.best_of_k",
    "angle.manifold_fit",
    "image.right_key",
    "image.inversion_1",
    "image.inversion_1_trained",
    "image.inversion_2",
    "image.pair_decoder",
    "image.inversion_fit",
    "image.generative_prior",
    "property.inference_1",
    "property.inference_2",
    "property.inference_3",
    "property.inference_4",
    "property.inference_x",
    "other.label_search",
    "other.decoy_pool",
    "other.repeated_query",
    "other.membership",
)


def load_attacks(listed: tuple[str, ...] = LISTED) -> tuple[Attack, ...]:
    """One attack from each module of this package, in the order in which they run.

    Raises ValueError where a module does not define exactly one attack, or where attacks need each other in a
    circle.
    """
    return in_order(tuple(_attack_in(name) for name in listed))


def _attack_in(name: str) -> Attack:
    module = import_module(f"{__name__}.{name}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Attack) and not isabstract(value)
        and value.__module__ == module.__name__
    ]  # fmt: skip
    if len(found) != 1:
        raise ValueError(f"{module.__name__} must define one attack; it defines {len(found)}")
    attack: Attack = found[0]()
    return attack


ATTACKS = load_attacks()
