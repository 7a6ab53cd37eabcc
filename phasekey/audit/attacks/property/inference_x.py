"""A classifier straight on x, with the angle as a hidden cause."""

from typing import ClassVar

import numpy as np
import torch

from phasekey.audit.artefacts import Artefact, PosteriorWeights
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.attackers.angle_estimates import probabilities
from phasekey.audit.attackers.angle_posterior import known_posterior
from phasekey.audit.attackers.classifiers import (
    classes_by,
    flat_classifier,
    processed,
    train_classifier,
    turned_back,
)
from phasekey.audit.attackers.training import device, predict, seeded
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.canonical_phase import Gauge
from phasekey.audit.numerics.circle import softmax
from phasekey.audit.scene.scene import Floats
from phasekey.audit.scene.view import AttackerView, Transmissions

GRID = 32  # angles asked about


class InferenceX(Attack):
    """p(class | x) = Σ p(θ | x) p(class | Re[x e^{-iθ}]), with a classifier of raw features.

    Where nothing is rotated, or in a black box, a classifier of x itself, in a canonical phase.
    """

    name: ClassVar[str] = "inference-x"
    leak: ClassVar[Leak] = "property"
    title: ClassVar[str] = "Inference straight from x"
    source: ClassVar[str] = "Phasekey"
    how: ClassVar[str] = (
        "Asks a classifier of raw features about every turn of x, weighted by how likely the turn is."
    )
    remedy: ClassVar[str] = (
        "Take the property out of the feature itself: an encoder trained against its classifier."
    )
    needs_white_box: ClassVar[bool] = False
    needs_rotation: ClassVar[bool] = False
    needs: ClassVar[tuple[type[Artefact], ...]] = (PosteriorWeights,)

    def steps(self, effort: Effort) -> int:
        """Steps of the classifier's training."""
        return effort.inference_steps

    def run(self, context: Context) -> Findings:
        """reference: the classifier on raw features."""
        view, effort = context.view, context.effort
        with seeded(context.seed):
            if not view.rotated or not view.white_box:
                return _direct(context)
            posterior = known_posterior(context)
            train, validation = (
                turned_back(_views(view, samples), samples.theta) for samples in (view.train, view.validation)
            )
            test = _views(view, view.test)
            classifier = flat_classifier(view, train.shape[1], effort)
            known, held = (train, view.train.property), (validation, view.validation.property)
            curve = train_classifier(classifier, known, held, effort, context.watch)
            weights = probabilities(posterior, torch.from_numpy(view.test.x).to(device()), GRID).cpu().numpy()
        likely = np.zeros((len(view.test), len(view.property_names)), np.float32)
        for index, angle in enumerate(np.arange(GRID) * 2 * np.pi / GRID):
            turned = turned_back(test, np.full(len(view.test), angle))
            likely += weights[:, index, None] * softmax(predict(classifier, turned))
        return Findings(
            likely.argmax(1).astype(np.int64), curve=curve,
            unhidden=lambda truth: classes_by(classifier, turned_back(test, truth.theta)),
        )  # fmt: skip


def _views(view: AttackerView, samples: Transmissions) -> list[Floats]:
    views = [samples.x]
    return [*views, processed(view, samples.x)] if view.device.processes else views


def _direct(context: Context) -> Findings:
    view = context.view
    fix = Gauge(view.train.x).fix if view.rotated else None

    def flat(x: Floats) -> Floats:
        x = x if fix is None else fix(x)
        # A black box hides the device, but not what the cloud itself computes.
        views = [x, processed(view, x)] if view.device.processes else [x]
        return turned_back(views, None)

    train = flat(view.train.x)
    classifier = flat_classifier(view, train.shape[1], context.effort)
    known, held = (train, view.train.property), (flat(view.validation.x), view.validation.property)
    curve = train_classifier(classifier, known, held, context.effort, context.watch)
    guess = classes_by(classifier, flat(view.test.x))
    if view.rotated or not view.white_box:
        return Findings(guess, curve=curve)
    return Findings(guess, curve=curve, unhidden=lambda truth: classes_by(classifier, flat(truth.feature)))
