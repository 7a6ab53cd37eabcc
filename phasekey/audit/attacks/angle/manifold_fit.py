"""A feature lies on the thin set g(images); a wrongly turned one does not: fit an image to every turn."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from phasekey.audit.artefacts import Artefact, FittedImages
from phasekey.audit.attack import Attack, Context, Findings, Leak
from phasekey.audit.attackers.networks.linear_picture import LinearPicture
from phasekey.audit.attackers.training import pixels_of
from phasekey.audit.numerics.arrays import to_bytes
from phasekey.audit.numerics.circle import Angles, grid, sharpest
from phasekey.audit.numerics.metrics import circular_error
from phasekey.audit.numerics.rotation import turn, unrotate
from phasekey.audit.numerics.whitening import spectrum
from phasekey.audit.scene.scene import Floats, Samples
from phasekey.audit.scene.view import AttackerView

CHOICE = 300  # validation transmissions on which the ways of scoring are compared
LEARNT = 2_000  # training images from which the size of a right fit's misfit is learnt


class ManifoldFit(Attack):
    """θ̂ = argmin over φ of ‖g(dec(a*)) - a*‖ with a* = Re[x e^{-iφ}]; dec is a regression to pixels.

    Only asks the device to encode. The misfit is taken as a share of ‖a*‖, or of what right fits have along
    each principal component, and the decoy's part Im[x e^{-iφ}] is fitted too where that helps: validation
    decides. It leaves dec at the best angle.
    """

    name: ClassVar[str] = "manifold-fit"
    leak: ClassVar[Leak] = "angle"
    title: ClassVar[str] = "Manifold fit"
    source: ClassVar[str] = "in the manner of SIMBA (Singh et al. 2021)"
    how: ClassVar[str] = (
        "Turns every candidate into an image and back; the right angle survives the way best."
    )
    remedy: ClassVar[str] = (
        "A feature narrower than the data, so that most turns of x are features of something."
    )

    provides: ClassVar[tuple[type[Artefact], ...]] = (FittedImages,)

    def run(self, context: Context) -> Findings:
        """Angles at which decoding and encoding again come back nearest; it leaves the images."""
        view, effort = context.view, context.effort
        way = _Way(view)
        angles = grid(effort.angles // 2)
        theta = view.validation.theta
        assert theta is not None  # noqa: S101 - why_not left out scenes without rotation
        trial = way.scores(view.validation.x[:CHOICE], angles)
        best = min(
            trial, key=lambda name: float(circular_error(sharpest(trial[name]), theta[:CHOICE]).mean())
        )
        found: Angles = sharpest(way.scores(view.test.x, angles)[best])
        images = way.images(unrotate(view.test.x, found))
        context.watch.advance()
        return Findings(found, artefacts=(FittedImages(images),))


@dataclass(frozen=True)
class _Misfit:
    """Of each row: as a share of its own size, and of what right fits have."""

    share: Floats
    odds: Floats


class _Way:
    """From features to images and back."""

    def __init__(self, view: AttackerView) -> None:
        self._view = view
        train, validation = view.train, view.validation
        channels_last = train.images.shape[1:]
        self._picture = LinearPicture(
            train.feature.shape[1:], (channels_last[2], channels_last[0], channels_last[1])
        )
        self._picture.fit(_pairs(train), _pairs(validation))
        self._white = spectrum(train.feature.reshape(len(train), -1)).whitening()
        self._right: Floats = np.ones(len(self._white), np.float32)
        # Of images that the regression has not seen: those it has seen fit too well.
        unseen = validation.feature[CHOICE : CHOICE + LEARNT]
        if len(unseen) > 1:
            self._right = (np.square(self._difference(unseen)).mean(0) + 1e-6).astype(np.float32)

    @torch.no_grad()
    def images(self, feature: Floats) -> Floats:
        """Features (N, C', ...) -> pictures (N, H, W, C) in [0, 1]."""
        pictures: Floats = self._picture(torch.from_numpy(feature)).permute(0, 2, 3, 1).numpy()
        return pictures.clip(0, 1)

    def scores(self, x: Floats, angles: Angles) -> dict[str, Floats]:
        """Of transmissions at each angle, by each way of scoring: (N, A), higher is likelier."""
        quarter = turn(x, np.full(len(x), -np.pi / 2))
        real, imaginary = ([self._misfit(part, angle) for angle in angles] for part in (x, quarter))
        columns = {
            "share": [-a.share for a in real],
            "odds": [-a.odds for a in real],
            "share of both": [-a.share - b.share for a, b in zip(real, imaginary, strict=True)],
            "odds of both": [-a.odds - b.odds for a, b in zip(real, imaginary, strict=True)],
        }
        return {name: np.stack(values, axis=1) for name, values in columns.items()}

    def _misfit(self, x: Floats, angle: float) -> _Misfit:
        feature = unrotate(x, np.full(len(x), angle))
        difference = self._difference(feature)
        size = np.square(feature.reshape(len(feature), -1) @ self._white.T).sum(1) + 1e-6
        square = np.square(difference)
        return _Misfit(square.sum(1) / size, (square / self._right).mean(1))

    def _difference(self, feature: Floats) -> Floats:
        """W(g(dec(a*)) - a*), in directions of equal variance: (N, K)."""
        again = self._view.device.encode(to_bytes(self.images(feature)))
        difference = (again - feature).reshape(len(feature), -1) @ self._white.T
        return difference.astype(np.float32)


def _pairs(samples: Samples) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(samples.feature), pixels_of(torch.from_numpy(samples.images))
