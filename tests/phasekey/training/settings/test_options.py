import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest

from phasekey.training.settings.options import add_options, given_options


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


def given(parser, *line):
    return given_options(parser.parse_args(line), Recipe)


def test_nothing_given_is_nothing(parser):
    assert given(parser) == {}


def test_values_get_the_type_of_their_field(parser):
    line = ["--dish", "bread", "--salt", "2", "--oven-heat", "220", "--bowl", "a/b"]
    assert Recipe(**given(parser, *line)) == Recipe("bread", 2.0, 220, False, Path("a/b"))


def test_a_switch_can_be_turned_both_ways(parser):
    assert given(parser, "--vegan") == {"vegan": True}
    assert given(parser, "--no-vegan") == {"vegan": False}


def test_a_value_that_equals_the_default_was_given_all_the_same(parser):
    assert given(parser, "--salt", "0.5") == {"salt": 0.5}


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
