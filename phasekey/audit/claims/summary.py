"""What an audit of a claim leaves in a bundle's manifest: the fields of any audit's summary, and `kept`."""

from datetime import UTC, datetime
from typing import Any

from phasekey import __version__
from phasekey.audit.claims.figures import ClaimFigure
from phasekey.audit.claims.run import ClaimAudit
from phasekey.audit.result.summary import plain, rounded
from phasekey.audit.subject.subject import Subject

DECOYS = {"nats": "Gaussian, as devices draw them", "one-of-k": "other test images"}


def summarise_claim(audit: ClaimAudit, subject: Subject, report_sha256: str) -> dict[str, Any]:
    """Sum up an audit of a claim, as docs/manifest.schema.json describes it under `audit`.

    Args:
        audit: the whole one.
        subject: what was audited.
        report_sha256: of its claims.json.

    Returns:
        For JSON. `grade` is null, for grades measure how far from chance a figure is, and a promise may allow
        that; `kept` says whether every figure stayed within what is promised.
    """
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "phasekey": __version__,
        "budget": audit.facts["budget"],
        "kind": subject.kind,
        "subject_sha256": subject.sha256,
        "audited": subject.audited,
        "data": audit.facts["data"],
        "decoy_law": DECOYS[audit.claim],
        "keys": "fresh",
        "box": "white",
        "incomplete": None,
        "verdict": audit.verdict,
        "grade": None,
        "kept": not audit.broken,
        "figures": {figure.key: _promising(figure) for figure in audit.figures},
        "report_sha256": report_sha256,
    }


def _promising(figure: ClaimFigure) -> dict[str, Any]:
    promised = {} if figure.bound is None else {"promised": f"{figure.promise} {rounded(figure.bound):g}"}
    return {**plain(figure.attack, figure), **promised}
