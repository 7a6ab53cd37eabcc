import json
from dataclasses import replace

import numpy as np
import pytest

from phasekey.audit.artefacts import AnswerAngles
from phasekey.audit.attack import Findings
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.report.judgement.terms import leaks
from phasekey.audit.result.catalogue import catalogue, measured
from phasekey.audit.result.report_json import schema_text
from phasekey.audit.scene.scene import Scene
from phasekey.audit.scoring.scores import SCORES, ScoreContext


@pytest.fixture(scope="module")
def scored(leaky_pool: Scene):
    """All figures that any score gives, by leak, of answers that are worth nothing."""
    test = leaky_pool.test
    pairs = np.zeros((len(test), 2, *test.images.shape[1:]), np.float32)
    several = np.stack([unrotate(test.x, np.zeros(len(test)))] * len(leaky_pool.repeats), axis=1)
    answers = {
        "angle": [Findings(np.zeros(len(test))), Findings(np.zeros((len(test), 3)))],
        "inversion": [Findings(pairs)],
        "property": [Findings(test.property)],
        "label": [Findings(test.labels, artefacts=(AnswerAngles(np.zeros(len(test))),))],
        "decoy": [Findings(np.full(len(test), -1))],
        "repeat": [Findings(several)],
        "membership": [Findings(np.zeros(len(test) + len(leaky_pool.train)))],
    }
    assert set(answers) == set(SCORES)
    context = ScoreContext.of(leaky_pool, 0)
    return {
        leak: [figure for each in found for figure in SCORES[leak](each, leaky_pool, context)]
        for leak, found in answers.items()
    }


def test_scores_and_catalogue_know_the_same_figures(scored):
    assert {figure.key for found in scored.values() for figure in found} == set(catalogue())


def test_every_figure_has_the_catalogues_direction_and_is_of_its_class(scored):
    for leak, found in scored.items():
        for figure in found:
            entry = catalogue()[figure.key]
            assert figure.falls == entry.falls
            assert "{" not in figure.text
            # A search for labels tells its angles too.
            assert entry.leak == leak or (leak, entry.leak) == ("label", "angle")


@pytest.mark.parametrize("key", catalogue())
def test_an_entry_says_all_that_people_ask(key):
    entry = catalogue()[key]
    assert entry.leak in leaks()
    assert min(map(len, (entry.name, entry.text, entry.chance, entry.sentence))) > 5
    assert set(entry.aim) in (set(), {"value"}, {"times"})


def test_smaller_is_worse_for_errors_alone():
    """By hand, apart from the file: whoever measures an error wants it small, whoever counts finds large."""
    errors = {key for key in catalogue() if key.startswith(("angle_", "rmse", "mae")) or "error" in key}
    assert {key for key, entry in catalogue().items() if entry.falls} == errors


def test_the_schema_lists_the_catalogue():
    figure = json.loads(schema_text())["definitions"]["figure"]
    assert figure["properties"]["key"]["examples"] == list(catalogue())
    assert set(figure["required"]) == set(vars(measured("mae", (0.1, 0.0, 0.2), chance=0.3, beside={})))


def test_only_the_aim_of_chance_moves_with_it():
    figure = measured("rmse", (0.1, 0.0, 0.2), chance=0.5, beside={})
    assert catalogue()["rmse"].aim_of(figure) == pytest.approx(0.486)
    assert catalogue()["angle_circle"].aim_of(replace(figure, key="angle_circle")) == 1.45
    assert catalogue()["ssim"].aim_of(figure) is None


def test_a_figure_that_nobody_described_cannot_be_measured():
    with pytest.raises(KeyError, match="surprise"):
        measured("surprise", (0.1, 0.0, 0.2), chance=0.3, beside={})
