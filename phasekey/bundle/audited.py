"""What is said at every start of a bundle that was never audited, or lies open: one place decides.

Devices read the summary in the manifest; the cloud has one word of it in config.pbtxt, under phasekey.audit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast, get_args

AuditState = Literal["none", "partial", "open", "broken", "whole"]
OPEN = "open"  # the grade of a summary; phasekey.audit gives it

_NONE = (
    "this bundle was never audited, so nobody knows what its transmissions give away; "
    "`phasekey audit --bundle DIR` measures it"
)
_UNTRIED = (
    "nobody has tried what this bundle promises: it was never audited; "
    "`phasekey audit --bundle DIR` attacks it"
)
_OPEN = "the privacy audit of this bundle found that it lies open"
_BROKEN = "the privacy audit of this bundle went beyond what the bundle promises"
_PARTIAL = "the privacy audit of this bundle was not a whole one"


class PrivacyWarning(UserWarning):
    """A bundle was never audited, or only in part, or its audit found it open or its promise broken."""


def audit_state(audit: Mapping[str, Any] | None) -> AuditState:
    """One word for a manifest's `audit`.

    Returns:
        none: there was no audit. open: one transmission lays the image, the angle or the answer open, or two
        do. broken: an attacker went beyond what the bundle promises. partial: parts were left out. whole:
        none of these; what it found may still be a leak.
    """
    if audit is None:
        return "none"
    if audit.get("kept") is False:
        return "broken"
    # Summaries did not always have a grade; their sentence always said it in these words.
    words = (" lay open ", " lay the hidden feature open")
    is_open = audit["grade"] == OPEN if "grade" in audit else any(word in audit["verdict"] for word in words)
    if is_open:
        return "open"
    return "partial" if audit["incomplete"] else "whole"


def state_of(word: str | None) -> AuditState:
    """What config.pbtxt says under metadata.AUDIT; none where it says nothing that is known."""
    return cast(AuditState, word) if word in get_args(AuditState) else "none"


def privacy_sentence(
    state: AuditState, audit: Mapping[str, Any] | None = None, *, promises: bool = False
) -> str | None:
    """What to say at a start, on one line, or None where there is nothing to say.

    Args:
        state: of `audit_state` or `state_of`.
        audit: the manifest's summary, where it is at hand: its own words are added.
        promises: whether the bundle states a guarantee.
    """
    if state == "none":
        return _UNTRIED if promises else _NONE
    if state == "open":
        return f"{_OPEN}: {' '.join(audit['verdict'].split())}" if audit else _OPEN
    if state == "broken":
        return f"{_BROKEN}: {' '.join(audit['verdict'].split())}" if audit else _BROKEN
    if state == "partial":
        return f"{_PARTIAL}: {' '.join(audit['incomplete'].split())}" if audit else _PARTIAL
    return None
