"""What is said of the four audits, and of every figure that attacks have."""

import pytest

from phasekey.audit.report.judgement.grades import Grade
from phasekey.audit.report.judgement.verdict import judge, meaning, overall, verdict_grade, verdict_sentence
from phasekey.audit.result.catalogue import catalogue
from phasekey.bundle.audited import OPEN


def by_leak(audit):
    return {verdict.leak: verdict for verdict in judge(audit)}


def test_a_leaky_device_is_said_to_hide_nothing(audits):
    verdicts = by_leak(audits.leaky())
    assert verdicts["angle"].sentences == (
        "An attacker finds the secret angle to within 2.6°; a guess is 90° off. The rotation hides nothing.",
    )
    assert verdicts["angle"].found[0].name == "angle-network"
    grades = {leak: verdict.grade for leak, verdict in verdicts.items()}
    assert grades == {
        "angle": Grade.OPEN, "inversion": Grade.OPEN, "property": Grade.OPEN, "label": Grade.LEAK,
        "decoy": Grade.OPEN, "repeat": Grade.OPEN, "membership": Grade.CHANCE,
    }  # fmt: skip
    classes = "the secret angle, the image, the class of the image and the decoy"
    assert verdict_grade(audits.leaky()) == OPEN
    assert verdict_sentence(audits.leaky()) == f"One transmission is enough to lay open {classes}."


def test_the_yardstick_is_never_the_strongest_attack(audits):
    strongest = by_leak(audits.leaky())["inversion"].found[0].name
    assert strongest == "inversion-1-trained"


def test_a_safe_device_is_not_called_proven(audits):
    verdicts = by_leak(audits.safe())
    assert {verdict.grade for verdict in verdicts.values()} == {Grade.CHANCE, None}
    assert "does not get past chance" in verdicts["angle"].sentences[0]
    assert verdict_sentence(audits.safe()) == (
        "No attack learned anything from one transmission. That is no proof that none can."
    )


def test_a_device_that_does_not_rotate_has_no_angle_to_lose(audits):
    verdicts = by_leak(audits.unrotated())
    assert verdicts["angle"].grade is None
    assert verdicts["angle"].sentences == ("Nothing is rotated in this network.",)
    assert verdict_sentence(audits.unrotated()) == (
        "One transmission is enough to lay open the image and the class of the image."
    )


def test_too_few_images_are_no_verdict(audits):
    assert by_leak(audits.partial())["angle"].grade is Grade.UNSURE
    assert verdict_sentence(audits.partial()).startswith("Too few test images")


def test_an_audit_without_attacks_says_so(audits):
    sentence, grade = overall(judge(audits.audit()))
    assert grade is None
    assert sentence.startswith("No attack on a single transmission ran")


def test_what_two_transmissions_give_away_is_said_beside_what_one_does(audits):
    repeat = audits.attack("repeated-query", "repeat", audits.figure("repeat_cosine_noisy", 0.99, 0.4))
    quiet = audits.attack(
        "mean-template", "angle", audits.figure("angle_circle", audits.CIRCLE, audits.CIRCLE)
    )
    sentence, grade = overall(judge(audits.audit(repeat, quiet)))
    assert sentence.startswith("No attack learned anything from one transmission.")
    assert "Two of alike images lay the hidden feature open. Not measured: the image," in sentence
    assert grade is Grade.OPEN


def test_silence_on_what_was_not_measured_is_no_verdict_on_it(audits):
    quiet = audits.attack(
        "mean-template", "angle", audits.figure("angle_circle", audits.CIRCLE, audits.CIRCLE)
    )
    left = "the image, the class of the image, the device's answer and the decoy"
    assert verdict_sentence(audits.audit(quiet)).endswith(f"Not measured: {left}.")


def test_what_leaks_up_to_a_sign_is_said_although_the_full_circle_is_at_chance(audits):
    figures = audits.angle_figures(audits.CIRCLE, 0.03, 0.03)
    verdict = by_leak(audits.audit(audits.attack("likelihood", "angle", *figures)))["angle"]
    assert verdict.grade is Grade.OPEN
    assert "to within 1.7°" in verdict.sentences[0]
    assert verdict.sentences[0].endswith("All that the rotation still hides is a sign.")
    assert verdict.sentences[1] == "Angle, full circle (rad): 1.571, at chance."


def test_a_leak_is_measured_against_what_nothing_hidden_would_give(audits):
    said = meaning(audits.figure("rmse", 0.16, 0.25, 0.07), "inversion")
    assert "typical error of 0.160 a pixel" in said
    assert "from the bare feature it is 0.070" in said
    assert said.endswith("That is 50% of the way from a blind guess to what it gets with nothing hidden.")


@pytest.mark.parametrize(
    ("is_task", "word"), [(True, "the class of the image"), (False, "the hidden property")]
)
def test_a_property_that_is_the_task_is_called_so(audits, is_task, word):
    assert word in meaning(audits.figure("property_error", 0.5, 0.9), "property", is_task)


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_every_figure_has_a_sentence_with_its_numbers(audits, key):
    falls = audits.figure(key, 0.5, 0.5).falls
    figure = audits.figure(key, 0.4321 if falls else 0.5679, 0.5, half=0.001)
    sentence = meaning(figure, catalogue()[key].leak)
    shown = {"share": f"{100 * figure.value:.1f}%", "angle": "25°", "decibel": "0.6 dB"}
    assert shown.get(catalogue()[key].unit, f"{figure.value:.3f}") in sentence
    assert "{" not in sentence
    assert sentence.endswith((".",))


def test_a_figure_of_a_later_version_is_shown_by_its_own_text(audits):
    assert meaning(audits.figure("later", 0.4, 0.5), "angle").startswith("what later says: 0.400;")


@pytest.mark.parametrize(("keys", "told"), [("derived", False), ("fresh", True)])
def test_the_same_image_twice_tells_nothing_more_where_it_is_the_same_x(audits, keys, told):
    exact = audits.figure("repeat_cosine_exact", 0.41, 0.40, half=0.1)  # room for a leak by its interval
    (verdict,) = [
        each
        for each in judge(audits.audit(audits.attack("repeated-query", "repeat", exact), keys=keys))
        if each.leak == "repeat"
    ]
    assert verdict.grade is (Grade.UNSURE if told else Grade.CHANCE)
    assert ("too few images to tell" in verdict.sentences[0]) is told
    assert ("very same x" in verdict.sentences[0]) is not told


def test_a_repeat_that_does_tell_more_is_said_whatever_the_keys(audits):
    exact = audits.figure("repeat_cosine_exact", 0.99, 0.4)
    verdict = by_leak(audits.audit(audits.attack("repeated-query", "repeat", exact)))["repeat"]
    assert verdict.grade is Grade.OPEN
    assert "very same x" not in verdict.sentences[0]
