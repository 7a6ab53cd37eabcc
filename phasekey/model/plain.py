"""An architecture as plain values, so that a checkpoint can carry one that no `--arch` names.

Reading runs no code: only the layers of phasekey.model.description come of it.
"""

from dataclasses import MISSING, asdict, fields
from types import UnionType
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

from phasekey.model import description as d
from phasekey.model.description import Architecture, Layer
from phasekey.model.errors import ModelError

KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Layer)}
KIND, BRANCHES = "layer", ("layers", "body", "shortcut")


def to_plain(architecture: Architecture) -> dict[str, Any]:
    """Write a description as dictionaries, lists, numbers and texts; `from_plain` reads it."""
    others = {name: value for name, value in vars(architecture).items() if name != "layers"}
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in others.items()}
    return {**listed, "layers": [_layer_to_plain(layer) for layer in architecture.layers]}


def _layer_to_plain(layer: Layer) -> dict[str, Any]:
    kind = {KIND: type(layer).__name__}
    if isinstance(layer, d.Residual):
        branches = {"body": layer.body, "shortcut": layer.shortcut}
        return {
            **kind,
            **{name: [_layer_to_plain(part) for part in value] for name, value in branches.items()},
        }
    return {**kind, **asdict(layer)}


def from_plain(plain: Any) -> Architecture:
    """Read the description that these values were made of.

    Args:
        plain: of `to_plain`, or from anywhere.

    Raises:
        ModelError: an unknown layer or field, one that is missing, or a value of the wrong type.
    """
    architecture: Architecture = _build(Architecture, plain)
    return architecture


def _build(kind: type[Any], plain: Any) -> Any:
    known = {field.name: field for field in fields(kind)}
    if not isinstance(plain, dict):
        raise ModelError(f"{kind.__name__} is described by a dictionary, not by {type(plain).__name__}")
    wrong = [str(key) for key in plain if key not in known]
    wrong += [name for name, field in known.items() if field.default is MISSING and name not in plain]
    if wrong:
        raise ModelError(f"{kind.__name__} has an unknown or missing field: {', '.join(wrong)}")
    hints = get_type_hints(kind)
    return kind(**{name: _value(name, hints[name], value) for name, value in plain.items()})


def _value(name: str, hint: Any, value: Any) -> Any:
    if name in BRANCHES:
        return (
            tuple(_layer_from_plain(part) for part in value)
            if isinstance(value, list)
            else _wrong(name, value)
        )
    if isinstance(value, list):
        numbers = all(type(number) in (int, float) for number in value)
        return tuple(value) if numbers and tuple in _kinds(hint) else _wrong(name, value)
    return value if type(value) in _kinds(hint) else _wrong(name, value)


def _layer_from_plain(plain: Any) -> Layer:
    name = plain.get(KIND) if isinstance(plain, dict) else None
    if not isinstance(name, str) or name not in KINDS:
        raise ModelError(f"no layer of this version is called {name!r}; known are {', '.join(KINDS)}")
    layer: Layer = _build(KINDS[name], {key: value for key, value in plain.items() if key != KIND})
    return layer


def _kinds(hint: Any) -> set[type[Any]]:
    """The types that a field takes: tuple for tuple[float, ...], and whole numbers where fractions go."""
    kinds = {
        get_origin(kind) or kind for kind in (get_args(hint) if isinstance(hint, UnionType) else (hint,))
    }
    return kinds | {int} if float in kinds else kinds


def _wrong(name: str, value: Any) -> NoReturn:
    raise ModelError(f"{name} of a described network is {value!r}, which is of the wrong type")
