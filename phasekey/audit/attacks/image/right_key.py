"""The decoder of someone who has the key: what inversion could get at best, and what wrong angles give."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from phasekey.audit.artefacts import Artefact, KeySweep, RightKeyDecoder
from phasekey.audit.attack import Context, Findings, Leak, Yardstick
from phasekey.audit.attackers.image_decoder import (
    images_by,
    new_decoder,
    pairs_of,
    train_decoder,
    with_mirrors,
)
from phasekey.audit.attackers.inversion import restored
from phasekey.audit.attackers.training import pack, seeded
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.scene.scene import Floats, Samples

SHOWN = 8  # images of the sweep
SWEEP = np.linspace(0, np.pi, 9)


class RightKey(Yardstick):
    """A decoder of raw features, given Re[x e^{-iθ}] = a with the true θ. A yardstick, not an attack."""

    name: ClassVar[str] = "right-key"
    leak: ClassVar[Leak] = "inversion"
    title: ClassVar[str] = "Right key (yardstick)"
    source: ClassVar[str] = "Xiang et al. 2020, Figure 8"
    how: ClassVar[str] = "Is given the secret angle, and returns the image with a decoder of raw features."
    remedy: ClassVar[str] = "An encoder that keeps less of the image leaves less to return to anyone."
    needs_rotation: ClassVar[bool] = False

    provides: ClassVar[tuple[type[Artefact], ...]] = (RightKeyDecoder, KeySweep)

    def steps(self, effort: Effort) -> int:
        """Steps of the decoder's training."""
        return effort.image_steps

    def run(self, context: Context) -> Findings:
        """Train the decoder of raw features; `told` decodes the test split's."""
        view, effort = context.view, context.effort
        with seeded(context.seed):
            decoder = new_decoder(view, effort, view.train.feature.shape[1:])
            validation = pairs_of(view.validation.feature, view.validation.images)
            pairs = with_mirrors(view)
            curve = train_decoder(decoder, pairs, validation, effort, effort.image_steps, context.watch)
        return Findings(np.empty(0), curve=curve, artefacts=(RightKeyDecoder(pack(decoder)),))

    def told(self, context: Context, truth: Samples, found: Findings) -> Findings:
        """Images by the true angle; if the device rotates, it leaves those by keys that are off as well.

        Args:
            context: as `run` got it.
            truth: the test split.
            found: with the trained decoder.

        Returns:
            Estimate (N, 1, H, W, C); the sweep has (8, 9, H, W, C).
        """
        known = found.get(RightKeyDecoder)
        assert known is not None  # noqa: S101 - `run` left it
        decoder = restored(context.view, context.effort, known)
        artefacts: tuple[Artefact, ...] = (known,)
        if truth.theta is not None:
            swept = images_by(decoder, _wrong(truth.x[:SHOWN], truth.theta[:SHOWN]))
            artefacts += (KeySweep(swept.reshape(-1, len(SWEEP), *swept.shape[2:]), SWEEP),)
        return replace(found, estimate=images_by(decoder, truth.feature), artefacts=artefacts)


def _wrong(x: Floats, theta: NDArray[np.float64]) -> Floats:
    """Re[x e^{-i(θ + Δ)}] of E transmissions, all Δ of one image in a row: (E·S, C', ...)."""
    return unrotate(np.repeat(x, len(SWEEP), axis=0), (theta[:, None] + SWEEP).ravel())
