import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from phasekey.audit.errors import AuditError
from phasekey.audit.result.report_json import audit_text, load_audit, make_folder, schema_text
from phasekey.audit.result.result import AttackResult, Audit, Figure

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def path(tmp_path: Path, small_audit: Audit) -> Path:
    path = tmp_path / "report.json"
    path.write_text(audit_text(small_audit))
    return path


def changed(path: Path, change) -> Path:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


def test_an_audit_comes_back_as_it_was(path, small_audit):
    assert load_audit(path) == small_audit
    assert load_audit(path.parent) == small_audit


def test_it_keeps_the_schema_by_another_validator(path):
    schema = json.loads(schema_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(json.loads(path.read_text()), schema)


def test_the_copy_of_the_schema_is_exact():
    copy = (ROOT / "docs" / "audit.schema.json").read_text()
    assert copy == schema_text(), "write schema_text() to docs/audit.schema.json"


def test_numbers_of_numpy_are_numbers(small_audit):
    (attack, *_) = small_audit.attacks
    (figure, *_) = attack.figures
    numpy_figure = replace(figure, value=np.float32(0.5), falls=np.bool_(True))
    text = audit_text(replace(small_audit, attacks=(replace(attack, figures=(numpy_figure,)),)))
    assert json.loads(text)["attacks"][0]["figures"][0]["value"] == 0.5


def test_what_is_not_finite_is_refused(small_audit):
    attack = AttackResult(
        "ica", "angle", *"abcd", figures=(Figure("k", "t", np.nan, 0, 1, 1, None, True, {}),)
    )
    with pytest.raises(AuditError, match="NaN or infinite"):
        audit_text(replace(small_audit, attacks=(attack,)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(version=2), "report format 2"),
        (lambda c: c.pop("splits"), "top level is wrong"),
        (lambda c: c["subject"].update(theta=[1.0]), "subject is wrong"),
        (lambda c: c["attacks"][0].update(leak="everything"), r"attacks\.0\.leak is wrong"),
        (lambda c: c["attacks"][0]["figures"][0].update(value="0.5"), r"figures\.0\.value is wrong"),
    ],
)
def test_another_content_is_refused_by_the_field(path, change, said):
    with pytest.raises(AuditError, match=said):
        load_audit(changed(path, change))


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"report"'])
def test_what_is_no_report_is_refused(tmp_path, content):
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(AuditError, match=r"report\.json"):
        load_audit(tmp_path)


def test_a_missing_report_says_how_to_make_one(tmp_path):
    with pytest.raises(AuditError, match="phasekey audit --out"):
        load_audit(tmp_path)


def test_a_folder_that_cannot_be_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(AuditError, match="give another --out"):
        make_folder(tmp_path / "file")
    make_folder(tmp_path / "deep" / "er")
    make_folder(tmp_path / "deep" / "er")
    assert (tmp_path / "deep" / "er").is_dir()
