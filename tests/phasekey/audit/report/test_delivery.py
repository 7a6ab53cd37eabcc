import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf import text_format

from phasekey.audit.errors import AuditError
from phasekey.audit.report.card import HEADING, NONE, replace_section, section
from phasekey.audit.report.delivery import beside_checkpoint, deliver, into_bundle
from phasekey.audit.result.summary import load_summary, summarise, summary_text
from phasekey.bundle import audit_state, load_manifest
from phasekey.wire.model_config_pb2 import ModelConfig


@pytest.fixture
def summary(small_audit):
    return summarise(small_audit, "It leaks.", "leak", "ab" * 32)


@pytest.fixture
def bundle(exported, tmp_path) -> Path:
    shutil.copytree(exported.bundle, tmp_path / "bundle")
    return tmp_path / "bundle"


def test_the_summary_has_the_strongest_of_each_figure(summary, small_audit):
    assert summary["figures"]["angle_circle"] == {
        "attack": "likelihood", "value": 1.0, "low": 0.95, "high": 1.05, "chance": 1.5708,
    }  # fmt: skip
    assert set(summary["figures"]) == {"angle_circle", "decoy_identified"}
    assert summary["subject_sha256"] == small_audit.subject["sha256"]
    assert summary["verdict"] == "It leaks."
    assert summary["grade"] == "leak"


def test_a_manifest_changes_in_its_audit_alone_and_still_loads(bundle, summary):
    path = bundle / "edge" / "manifest.json"
    before = json.loads(path.read_text())
    assert into_bundle(bundle, summary) == path
    after = json.loads(path.read_text())
    assert {key for key in after if after[key] != before[key]} == {"audit", "checksum"}
    manifest = load_manifest(bundle / "edge")
    assert manifest.audit == summary
    assert manifest.bundle_id == before["bundle_id"]
    assert [file.name for file in path.parent.iterdir() if "partial" in file.name] == []


def test_the_card_says_what_was_found_once(bundle, summary):
    card = bundle / "model-card.md"
    assert NONE in card.read_text()
    for _ in range(2):
        into_bundle(bundle, summary)
    text = card.read_text()
    assert NONE not in text
    assert text.count(HEADING) == 1
    assert "It leaks." in text
    assert "| Angle, full circle (rad) | 1 | 0.95 to 1.05 | 1.571 | likelihood |" in text
    assert text.index(HEADING) < text.index("## Limits")


def test_an_edge_folder_alone_takes_the_summary_too(bundle, summary):
    into_bundle(bundle / "edge", summary)
    assert load_manifest(bundle / "edge").audit == summary


def test_the_cloud_half_gets_one_word_of_it(bundle, summary):
    (path,) = (bundle / "cloud").glob("*/config.pbtxt")
    before = text_format.Parse(path.read_text(), ModelConfig())
    assert before.parameters["phasekey.audit"].string_value == "none"
    into_bundle(bundle, summary)
    after = text_format.Parse(path.read_text(), ModelConfig())
    assert after.parameters["phasekey.audit"].string_value == audit_state(summary)
    assert "It leaks" not in path.read_text()
    after.parameters["phasekey.audit"].string_value = "none"
    assert after == before
    path.write_text("no configuration {")
    with pytest.raises(AuditError, match=r"config\.pbtxt is no model configuration"):
        into_bundle(bundle, summary)


def test_a_card_without_a_section_gets_one(tmp_path, summary):
    card = tmp_path / "card.md"
    card.write_text("# A card of an older version\n")
    replace_section(card, {**summary, "incomplete": "only some attacks were run (--attacks)"})
    assert card.read_text().startswith("# A card of an older version\n\n" + HEADING)
    assert "Not a whole audit:** only some attacks" in card.read_text()


def test_a_summary_lies_beside_the_checkpoint(tmp_path, summary):
    path = beside_checkpoint(tmp_path / "model.pt", summary)
    assert path == tmp_path.resolve() / "audit.json"
    assert load_summary(path) == summary


def test_where_a_summary_cannot_go_is_said(tmp_path, summary):
    """A folder that isn't there refuses the file whoever runs the tests, root too."""
    said = deliver("checkpoint", tmp_path / "gone" / "model.pt", tmp_path, summary)
    assert "cannot write" in said
    assert f"export with --audit {tmp_path / 'audit.json'}" in said
    assert load_summary(tmp_path / "audit.json") == summary


def test_a_full_disk_under_an_audit_is_an_error_of_the_audit(tmp_path, summary):
    with pytest.raises(AuditError, match="cannot write"):
        beside_checkpoint(tmp_path / "gone" / "model.pt", summary)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"subject_sha256": 1}'])
def test_what_is_no_summary_is_refused(tmp_path, content):
    path = tmp_path / "audit.json"
    path.write_text(content)
    with pytest.raises(AuditError, match=r"audit\.json"):
        load_summary(path)


def test_a_manifest_refuses_a_summary_with_more_in_it(bundle, summary):
    from phasekey.bundle import BundleError

    manifest = load_manifest(bundle / "edge")
    with pytest.raises(BundleError, match=r"unknown field 'audit\.theta'"):
        replace(manifest, audit={**summary, "theta": [1.0]}).to_json()


def test_the_text_of_a_summary_and_of_no_audit(summary):
    assert json.loads(summary_text(summary)) == summary
    assert section(None) == f"{HEADING}\n\n{NONE}"
