"""What the figures do not say: how far a reader may trust them, and under which terms they were taken."""

from phasekey.audit.report.judgement.numbers import in_words
from phasekey.audit.report.judgement.progress import improving
from phasekey.audit.report.judgement.terms import words
from phasekey.audit.result.result import Audit
from phasekey.model.network import MIXED

PAPER_UNET = 64  # channels at full size, section 5.1


def limits(audit: Audit) -> tuple[str, ...]:
    """How far the audit may be trusted, the weightiest reason first.

    Args:
        audit: to look at.

    Returns:
        Sentences.
    """
    said = words()["limits"]
    found = (
        said["bound"],
        _incomplete(audit),
        _budget(audit),
        _improving(audit),
        *_terms(audit),
        _candidates(audit),
        said["task"] if audit.property_is_task and _ran(audit, "property") else None,
    )
    return tuple(sentence for sentence in found if sentence)


def rotated(audit: Audit) -> bool:
    """Whether an angle hides anything in this form.

    Args:
        audit: to look at.

    Returns:
        True for the complex form and the canonical one.
    """
    return audit.subject.get("form", "complex") in MIXED


def _terms(audit: Audit) -> tuple[str | None, ...]:
    """What the attacker knows, and how the feature is hidden."""
    said, subject = words()["limits"], audit.subject
    if not rotated(audit):
        return said["box"].get(subject.get("box")), said["unrotated"]
    return tuple(said[key].get(subject.get(key)) for key in ("box", "decoy_law", "keys"))


def _incomplete(audit: Audit) -> str | None:
    reasons = audit.subject.get("incomplete")
    return words()["limits"]["incomplete"].format(reasons=reasons) if reasons else None


def _candidates(audit: Audit) -> str | None:
    found = audit.strongest("best_of_k_cosine")
    if found is None:
        return None
    return str(words()["limits"]["candidates"]).format(chance=in_words(found[1].chance, "number"))


def _budget(audit: Audit) -> str | None:
    effort = audit.effort
    if "name" not in effort:
        return None
    sentence: str = words()["limits"]["budget"].format(
        name=effort["name"], images=f"{audit.splits.get('train', 0):,}"
    )
    width = effort.get("unet_width", PAPER_UNET)
    if width >= PAPER_UNET:
        return sentence
    return f"{sentence} {words()['limits']['narrower'].format(width=width, paper=PAPER_UNET)}"


def _improving(audit: Audit) -> str | None:
    count = sum(improving(attack.curve) for attack in audit.attacks)
    if not count:
        return None
    sentence: str = words()["limits"]["one_improving" if count == 1 else "some_improving"].format(count=count)
    return sentence


def _ran(audit: Audit, leak: str) -> bool:
    return any(attack.leak == leak and attack.figures for attack in audit.attacks)
