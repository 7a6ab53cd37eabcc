"""What is said of an audit: nothing of a whole one that does not lie open, one line of all others."""

import pytest

from phasekey.bundle import audit_state, edge_of, privacy_sentence, state_of
from tests.small_export import AUDITED

OLD = {key: value for key, value in AUDITED.items() if key != "grade"}  # before summaries had one


@pytest.mark.parametrize(
    ("audit", "state", "said"),
    [
        (None, "none", "this bundle was never audited, so nobody knows"),
        (AUDITED, "whole", None),
        ({**AUDITED, "grade": "leak"}, "whole", None),
        (
            {**AUDITED, "grade": None, "incomplete": "only some\nattacks"},
            "partial",
            "whole one: only some attacks",
        ),
        ({**AUDITED, "grade": "open", "verdict": "It is\nopen."}, "open", "that it lies open: It is open."),
        ({**AUDITED, "grade": "open", "incomplete": "some"}, "open", "lies open"),
        ({**AUDITED, "grade": None, "kept": True}, "whole", None),
        ({**AUDITED, "grade": None, "kept": False, "verdict": "One\nbroke it."}, "broken", ": One broke it."),
        (OLD, "whole", None),
        (
            {**OLD, "verdict": "One transmission is enough to lay open the image."},
            "open",
            "lay open the image",
        ),
        ({**OLD, "verdict": "Little. Two of alike images lay the hidden feature open."}, "open", "lies open"),
    ],
)
def test_one_place_decides_what_is_said(audit, state, said) -> None:
    assert audit_state(audit) == state
    sentence = privacy_sentence(state, audit)
    assert (sentence is None) == (said is None) == (privacy_sentence(state_of(state)) is None)
    if said is not None:
        assert said in sentence
        assert "\n" not in sentence


def test_a_promise_that_nobody_tried_is_not_called_unknown() -> None:
    assert "nobody has tried what this bundle promises" in str(privacy_sentence("none", promises=True))
    assert privacy_sentence("whole", promises=True) is None


def test_a_word_that_nobody_knows_counts_as_no_audit() -> None:
    assert [state_of(word) for word in (None, "", "passed", "open")] == ["none", "none", "none", "open"]


def test_the_words_of_old_summaries_are_still_those_of_reports() -> None:
    from phasekey.audit.report.judgement.terms import words

    overall = words()["overall"]
    for verdict, expected in (
        (overall["OPEN"].format(classes="the image"), "open"),
        (overall["CHANCE"] + overall["repeat"]["OPEN"], "open"),
        (overall["LEAK"].format(classes="the image") + overall["repeat"]["LEAK"], "whole"),
    ):
        assert audit_state({**OLD, "verdict": verdict}) == expected


def test_an_export_and_its_edge_folder_are_the_same_bundle(small_export, tmp_path) -> None:
    assert edge_of(small_export.edge) == edge_of(small_export.edge.parent) == small_export.edge
    assert edge_of(tmp_path) == tmp_path  # no bundle: the message names what was given
