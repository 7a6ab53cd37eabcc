"""A classifier straight on x, with the angle as a hidden cause."""

import dataclasses
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch

from phasekey.audit.attack import Attack, Findings, Leak, Watch
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
from phasekey.audit.scene.scene import Floats, Samples, Scene

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
    after: ClassVar[tuple[str, ...]] = ("angle-network",)

    def steps(self, effort: Effort) -> int:
        """Of the classifier."""
        return effort.inference_steps

    def run(
        self, scene: Scene, effort: Effort, seed: int, earlier: Mapping[str, Findings], watch: Watch
    ) -> Findings:
        """reference: the classifier on raw features."""
        with seeded(seed):
            if not scene.rotated or scene.box == "black":
                return _direct(scene, effort, watch)
            posterior = known_posterior(scene, effort, earlier.get("angle-network"), watch)
            views = [_views(scene, samples) for samples in (scene.train, scene.validation, scene.test)]
            train, validation, reference = (
                turned_back(view, samples.theta)
                for view, samples in zip(views, (scene.train, scene.validation, scene.test), strict=True)
            )
            classifier = flat_classifier(scene, train.shape[1], effort)
            curve = train_classifier(
                classifier,
                (train, scene.train.property),
                (validation, scene.validation.property),
                effort,
                watch,
            )
            weights = (
                probabilities(posterior, torch.from_numpy(scene.test.x).to(device()), GRID).cpu().numpy()
            )
        likely = np.zeros((len(scene.test), len(scene.property_names)), np.float32)
        for index, angle in enumerate(np.arange(GRID) * 2 * np.pi / GRID):
            turned = turned_back(views[2], np.full(len(scene.test), angle))
            likely += weights[:, index, None] * _softmax(predict(classifier, turned))
        return Findings(likely.argmax(1).astype(np.int64), classes_by(classifier, reference), curve=curve)


def _views(scene: Scene, samples: Samples) -> list[Floats]:
    views = [samples.x]
    return [*views, processed(scene, samples.x)] if scene.device.processes else views


def _direct(scene: Scene, effort: Effort, watch: Watch) -> Findings:
    fix = Gauge(scene.train.x).fix if scene.rotated else None

    def flat(samples: Samples) -> Floats:
        x = samples.x if fix is None else fix(samples.x)
        # A black box hides the device, but not what the cloud itself computes.
        views = [x, processed(scene, x)] if scene.device.processes else [x]
        return turned_back(views, None)

    train = flat(scene.train)
    classifier = flat_classifier(scene, train.shape[1], effort)
    curve = train_classifier(
        classifier, (train, scene.train.property), (flat(scene.validation), scene.validation.property),
        effort, watch,
    )  # fmt: skip
    reference = None
    if not scene.rotated and scene.box == "white":
        reference = classes_by(classifier, flat(dataclasses.replace(scene.test, x=scene.test.feature)))
    return Findings(classes_by(classifier, flat(scene.test)), reference, curve=curve)


def _softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max(1, keepdims=True))
    shares: Floats = raised / raised.sum(1, keepdims=True)
    return shares
