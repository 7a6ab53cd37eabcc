"""The columns of the tables, and what each changes in a recipe."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from phasekey.training.errors import TrainingError


@dataclass(frozen=True)
class Column:
    """form: the word after --forms that brings it. settings: TrainConfig's. heading: in the table."""

    name: str
    form: str
    heading: str
    settings: dict[str, Any]


COLUMNS = (
    Column("original", "original", "original", {"form": "original"}),
    Column("additional", "additional", "additional layers", {"form": "additional"}),
    *(
        Column(f"noisy-{gamma}", "noisy", f"noisy γ = {gamma}", {"form": "noisy", "gamma": gamma})
        for gamma in (0.2, 0.5, 1.0)
    ),
    Column("complex", "complex", "complex", {"form": "complex"}),
    Column("undefended", "undefended", "complex, no defence", {"form": "complex", "defence": "none"}),
)
FORMS = tuple(dict.fromkeys(column.form for column in COLUMNS))
USUAL_FORMS = tuple(form for form in FORMS if form != "undefended")


def columns_of(forms: Iterable[str]) -> tuple[Column, ...]:
    """The columns of the forms, in the table's order. Raises TrainingError for a word that is none."""
    wanted = set(forms)
    unknown = sorted(wanted.difference(FORMS))
    if unknown:
        raise TrainingError(f"--forms takes words from {', '.join(FORMS)}; got {', '.join(unknown)}")
    return tuple(column for column in COLUMNS if column.form in wanted)
