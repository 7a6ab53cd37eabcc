import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from phasekey.training.options import add_options, from_options


@dataclass(frozen=True)
class Recipe:
    dish: Literal["soup", "bread"] = field(default="soup", metadata={"help": "what to cook"})
    salt: float = field(default=0.5, metadata={"help": "grams, 100% sea salt"})
    oven_heat: int | None = field(default=None, metadata={"help": "degrees"})
    vegan: bool = field(default=False, metadata={"help": "no milk"})
    bowl: Path = field(default=Path("bowl"), metadata={"help": "where it goes"})


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser()
    add_options(parser, Recipe)
    return parser


def test_nothing_given_is_the_dataclass_with_its_defaults(parser):
    assert from_options(parser.parse_args([]), Recipe) == Recipe()


def test_values_get_the_type_of_their_field(parser):
    line = ["--dish", "bread", "--salt", "2", "--oven-heat", "220", "--bowl", "a/b"]
    assert from_options(parser.parse_args(line), Recipe) == Recipe("bread", 2.0, 220, False, Path("a/b"))


def test_a_switch_can_be_turned_both_ways(parser):
    assert from_options(parser.parse_args(["--vegan"]), Recipe).vegan
    assert not from_options(parser.parse_args(["--no-vegan"]), Recipe, {"vegan": True}).vegan


def test_what_was_given_wins_over_defaults_and_those_over_the_dataclass(parser):
    made = from_options(parser.parse_args(["--salt", "0.5"]), Recipe, {"salt": 3.0, "oven_heat": 200})
    assert made == Recipe(salt=0.5, oven_heat=200)


@pytest.mark.parametrize("line", [["--dish", "cake"], ["--salt", "much"], ["--oven-heat", "2.5"]])
def test_a_value_of_another_kind_is_refused(parser, line, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(line)
    assert line[0] in capsys.readouterr().err


def test_help_gives_text_choices_and_default(parser):
    text = parser.format_help()
    assert "grams, 100% sea salt (default: 0.5)" in text
    assert "{soup,bread}" in text
    assert "None" not in text
