from dataclasses import replace
from pathlib import Path

import pytest

from phasekey.audit.errors import AuditError
from phasekey.audit.report.judgement.thresholds import broken, load_thresholds
from phasekey.audit.result.catalogue import catalogue
from phasekey.audit.result.result import AttackResult, Audit, Figure

EXAMPLE = Path(__file__).resolve().parents[5] / "docs" / "audit-thresholds.toml"


def thresholds(tmp_path: Path, text: str):
    path = tmp_path / "thresholds.toml"
    path.write_text(text)
    return load_thresholds(path)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("[angle_circle]\nat_least = 0.94", 0),  # 1.0 with an interval from 0.95: the leaky end counts
        ("[angle_circle]\nat_least = 0.96", 1),
        ("[decoy_identified]\nat_most = 0.56", 0),  # 0.5, interval to 0.55
        ("[decoy_identified]\nat_most = 0.54", 1),
        ("[angle_circle]\nat_least = 1\n[decoy_identified]\nat_most = 0", 2),
    ],
)
def test_the_strongest_attack_counts_at_its_leaky_end(small_audit, tmp_path, text, count):
    sentences = broken(thresholds(tmp_path, text), small_audit)
    assert len(sentences) == count


def test_a_sentence_names_figure_limit_attack_and_values(small_audit, tmp_path):
    (sentence,) = broken(thresholds(tmp_path, "[angle_circle]\nat_least = 1.45"), small_audit)
    for part in ("angle_circle", "at least 1.45", "likelihood", " 1,", "0.95"):
        assert part in sentence


def test_what_was_not_measured_breaks_its_threshold(small_audit, tmp_path):
    skipped = AttackResult("membership", "membership", *"abcd", skipped="there was no time")
    audit = replace(small_audit, attacks=(*small_audit.attacks, skipped))
    (sentence,) = broken(thresholds(tmp_path, "[membership_auc]\nat_most = 1.0"), audit)
    assert "not measured" in sentence
    assert "there was no time" in sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[angel_circle]\nat_least = 1", "no figure is called 'angel_circle'"),
        ("[angle_circle]\nat_most = 1", "takes one line, `at_least"),
        ("[decoy_identified]\nat_least = 1", "takes one line, `at_most"),
        ("[angle_circle]", "takes one line"),
        ("[angle_circle]\nat_least = 1\nsurprise = 2", "takes one line"),
        ("angle_circle = 1", "takes one line"),
        ("[angle_circle]\nat_least = nan", "must be a number"),
        ("[angle_circle]\nat_least = true", "must be a number"),
        ("[angle_circle]\nat_least = '1'", "must be a number"),
        ("", "everything would pass"),
        ("[angle_circle", "no TOML"),
    ],
)
def test_a_slip_of_the_pen_is_an_error(tmp_path, text, said):
    with pytest.raises(AuditError, match=said):
        thresholds(tmp_path, text)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(AuditError, match="no thresholds at"):
        load_thresholds(tmp_path / "none.toml")


def test_the_example_of_the_docs_loads_and_the_small_audit_breaks_it(small_audit):
    found = load_thresholds(EXAMPLE)
    assert len(found) >= 5
    assert broken(found, small_audit)


def test_the_sides_agree_with_measured_figures(small_audit: Audit):
    figures: list[Figure] = [figure for attack in small_audit.attacks for figure in attack.figures]
    assert all(catalogue()[figure.key].falls == figure.falls for figure in figures)
