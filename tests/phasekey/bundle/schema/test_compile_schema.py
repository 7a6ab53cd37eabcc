"""The manifest's compiled checks: up to date, and of one mind with an independent validator."""

import copy
import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from phasekey.bundle import BundleError, schema_text
from phasekey.bundle.schema import check, compile_schema

FOLDER = Path(compile_schema.__file__).parent
WRONG = (None, -1, 1.5, True, "", "x" * 300, [], {}, [None], {"x": 1})


def test_the_compiled_schema_is_up_to_date():
    assert compile_schema.main(["--check"]) == 0


def test_a_schema_that_was_changed_shows_and_is_compiled_anew(tmp_path, capsys):
    for name in ("schema.json", "compiled_schema.py"):
        shutil.copy(FOLDER / name, tmp_path)
    document = json.loads(schema_text())
    document["properties"]["model_name"]["description"] = "another"
    (tmp_path / "schema.json").write_text(json.dumps(document))
    assert compile_schema.main(["--check"], folder=tmp_path) == 1
    assert "python -m phasekey.bundle.schema.compile_schema" in capsys.readouterr().err
    assert compile_schema.main([], folder=tmp_path) == 0
    assert compile_schema.main(["--check"], folder=tmp_path) == 0


def test_another_validator_is_of_the_same_mind_about_every_field(small_export):
    manifest = json.loads(small_export.manifest.to_json())
    other = jsonschema.Draft7Validator(json.loads(schema_text()))
    refused = 0
    for path in paths(manifest):
        for wrong in (*WRONG, "absent"):
            document = copy.deepcopy(manifest)
            *way, last = path
            part = document
            for step in way:
                part = part[step]
            if wrong == "absent":
                del part[last]
            else:
                part[last] = wrong
            if other.is_valid(document):
                check.validate(document)
            else:
                refused += 1
                with pytest.raises(BundleError, match="manifest"):
                    check.validate(document)
    assert refused > 200


def paths(part, way=()):
    """The places of a document's fields."""
    items = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, value in items:
        yield (*way, key)
        yield from paths(value, (*way, key))
