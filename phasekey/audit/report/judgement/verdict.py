"""What the figures mean, in sentences for people who are not cryptographers."""

from dataclasses import dataclass

from phasekey.audit.attack import Leak
from phasekey.audit.report.judgement.grades import (
    Grade,
    beyond_chance,
    grade,
    grade_in,
    looked_at,
    sends_the_same,
)
from phasekey.audit.report.judgement.numbers import in_table, in_words
from phasekey.audit.report.judgement.terms import ONE_TRANSMISSION, LeakTerm, leaks, words
from phasekey.audit.result.catalogue import Entry, entry_of, headlines
from phasekey.audit.result.result import AttackResult, Audit, Figure

Found = tuple[AttackResult, Figure]


@dataclass(frozen=True)
class ClassVerdict:
    """What came of one class of attacks.

    Attributes:
        leak: the class.
        title: for people.
        sentences: what was found, or why nothing was measured.
        grade: of the worst headline figure, None where nothing was measured.
        found: that figure with its attack, likewise.
    """

    leak: Leak
    title: str
    sentences: tuple[str, ...]
    grade: Grade | None = None
    found: Found | None = None


def meaning(
    figure: Figure, leak: Leak, property_is_task: bool = False, same_x: bool = False, among: int = 1
) -> str:
    """One figure in plain words: what the attacker got beside chance, and what that comes to.

    Args:
        figure: what was measured.
        leak: the class of attacks that it is of.
        property_is_task: whether the property looked for is the task's own class.
        same_x: whether it is of a repeat that sends the very same x.
        among: figures that it is the most striking of.

    Returns:
        One or two sentences.
    """
    entry = entry_of(figure, leak)
    sentence = entry.sentence.format(
        what=figure.text,
        value=in_words(figure.value, entry.unit),
        chance=in_words(figure.chance, entry.unit),
        property="the class of the image" if property_is_task else "the hidden property",
    )
    raw = (
        f"; {entry.raw.format(raw=in_words(figure.raw, entry.unit))}"
        if entry.raw and figure.raw is not None
        else ""
    )
    if same_x and grade(figure, among) in (Grade.UNSURE, Grade.CHANCE):
        return f"{sentence}{raw}. {words()['repeat']['same']}"
    return f"{sentence}{raw}. {_comes_to(figure, entry, among)}"


def _comes_to(figure: Figure, entry: Entry, among: int) -> str:
    reached = grade(figure, among)
    if reached is Grade.OPEN:
        return entry.open or leaks()[entry.leak].open
    if reached in (Grade.LEAK, Grade.TRACE):
        end = "a perfect attack" if figure.raw is None else "what it gets with nothing hidden"
        way = f"That is {figure.exposure:.0%} of the way from a blind guess to {end}."
        return way if reached is Grade.LEAK else f"{way} It is little in a single case, but cases add up."
    interval = f"{in_words(figure.low, entry.unit)} to {in_words(figure.high, entry.unit)}"
    if beyond_chance(figure):
        return (
            f"The 95% interval, {interval}, does not hold chance; but of the {among} figures "
            "that were looked at some do not by luck, and this is no further from it than they are."
        )
    if reached is Grade.UNSURE:
        return f"The 95% interval, {interval}, has room for chance and for a leak: too few images to tell."
    return f"The 95% interval, {interval}, does not get past chance: nothing was found."


def judge(audit: Audit) -> tuple[ClassVerdict, ...]:
    """What came of every class of attacks.

    Args:
        audit: to judge.

    Returns:
        In the report's order.
    """
    return tuple(_judge(audit, leak, class_title(audit, said)) for leak, said in leaks().items())


def class_title(audit: Audit, said: LeakTerm) -> str:
    """The class's name for this audit.

    Args:
        audit: which may look for the task's own answer.
        said: the class's words.

    Returns:
        Text.
    """
    return said.task if said.task and audit.property_is_task else said.title


def _judge(audit: Audit, leak: Leak, title: str) -> ClassVerdict:
    found = [strongest for key in headlines(leak) if (strongest := audit.strongest(key))]
    if not found:
        return ClassVerdict(leak, title, (why_not(audit, leak),))
    worst = max(found, key=lambda pair: _badness(audit, pair))
    # The worst figure decides; the class's usual one is said beside it where that is another.
    beside = () if worst is found[0] else (_in_short(audit, *found[0]),)
    same_x = sends_the_same(audit, worst[1])
    said = meaning(worst[1], leak, audit.property_is_task, same_x, looked_at(audit))
    return ClassVerdict(leak, title, (said, *beside), grade_in(audit, worst[1]), worst)


def _badness(audit: Audit, found: Found) -> tuple[Grade, float]:
    """Where nothing was found, differences of exposure are noise."""
    reached = grade_in(audit, found[1])
    return reached, found[1].exposure if reached >= Grade.TRACE else 0.0


def _in_short(audit: Audit, attack: AttackResult, figure: Figure) -> str:
    entry, reached = entry_of(figure, attack.leak), grade_in(audit, figure)
    short = f"{entry.name}: {in_table(figure.value, entry.unit)}, {reached.label}."
    same = reached is Grade.CHANCE and sends_the_same(audit, figure)
    return f"{short} {words()['repeat']['same']}" if same else short


def why_not(audit: Audit, leak: Leak) -> str:
    """Why nothing of a class was measured.

    Args:
        audit: to look through.
        leak: the class.

    Returns:
        A sentence.
    """
    reasons = dict.fromkeys(a.skipped for a in audit.attacks if a.leak == leak and a.skipped)
    return _capital(f"{'; '.join(reasons) or 'no attack of this class ran'}.")


def overall(verdicts: tuple[ClassVerdict, ...]) -> tuple[str, Grade | None]:
    """The line in front: what one transmission of one image gives away, whether two give away more, and what
    nobody tried.

    Args:
        verdicts: of all classes.

    Returns:
        The line, and its grade; None where nothing was measured.
    """
    single = [verdict for verdict in verdicts if verdict.leak in ONE_TRANSMISSION]
    worst = max((verdict.grade for verdict in single if verdict.grade is not None), default=None)
    if worst is None:
        return words()["overall"]["nothing"], None
    repeat = next((verdict.grade for verdict in verdicts if verdict.leak == "repeat"), None) or Grade.CHANCE
    sentence = words()["overall"][worst.name].format(classes=_classes(single, worst))
    if repeat > worst:
        sentence += words()["overall"]["repeat"].get(repeat.name, "")
    if worst <= Grade.UNSURE and (left := _classes(single, None)):
        sentence += words()["overall"]["not_measured"].format(classes=left)
    return sentence, max(worst, repeat)


def _classes(verdicts: list[ClassVerdict], reached: Grade | None) -> str:
    """Titles of those with that grade, as one writes them inside a sentence."""
    titles = [
        verdict.title[0].lower() + verdict.title[1:] for verdict in verdicts if verdict.grade is reached
    ]
    return " and ".join(part for part in (", ".join(titles[:-1]), *titles[-1:]) if part)


def verdict_sentence(audit: Audit) -> str:
    """The line in front alone, for manifests and terminals.

    Args:
        audit: to judge.

    Returns:
        One or a few sentences.
    """
    return overall(judge(audit))[0]


def verdict_grade(audit: Audit) -> str | None:
    """The grade of that line in one word, as the manifest's `audit` has it.

    Args:
        audit: to judge.

    Returns:
        E.g. open; None where nothing was measured.
    """
    worst = overall(judge(audit))[1]
    return None if worst is None else worst.name.lower()


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
