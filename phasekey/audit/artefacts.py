"""What attacks leave for those that come after them, for scores and for pictures: one type for each kind.

An attack names in `provides` what it leaves and in `needs` what it uses; the order of all follows from that.
Every field is an array, so that findings can be kept on disk and gone on from.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Radians = NDArray[np.float64]
Array32 = NDArray[np.float32]


@dataclass(frozen=True)
class Artefact:
    """Base of all: frozen, all fields are arrays."""


@dataclass(frozen=True)
class AngleEstimates(Artefact):
    """Estimates on the full circle, radians, (N,): of train's first rows, of validation and of test."""

    train: Radians
    validation: Radians
    test: Radians


@dataclass(frozen=True)
class DiscriminatorAngles(AngleEstimates):
    """Those at which the paper's discriminator likes x best."""


@dataclass(frozen=True)
class PosteriorAngles(AngleEstimates):
    """Those by which the trained posterior expects to err least."""


@dataclass(frozen=True)
class SearchedAngles(AngleEstimates):
    """Those by which the density-ratio search expects to err least."""


@dataclass(frozen=True)
class QuarterAngles(Artefact):
    """Estimates modulo π/2, radians: of the first rows of train, of validation and of test, (N,)."""

    train: Radians
    validation: Radians
    test: Radians


@dataclass(frozen=True)
class FoldedAngles(Artefact):
    """Better guesses than the estimate modulo π and modulo π/2, radians, (N,) of the test split."""

    mod_pi: Radians
    mod_half_pi: Radians


@dataclass(frozen=True)
class SearchedFolds(FoldedAngles):
    """Those of the density-ratio search."""


@dataclass(frozen=True)
class AnswerAngles(Artefact):
    """Angles at which the decoder's answers are surest, radians, (N,) of the test split."""

    test: Radians


@dataclass(frozen=True)
class Posterior(Artefact):
    """p(θ | x) on an even grid of A angles: (N, A) of validation and of test."""

    validation: Array32
    test: Array32


@dataclass(frozen=True)
class SearchedPosterior(Posterior):
    """That of the density-ratio search."""


@dataclass(frozen=True)
class PosteriorWeights(Artefact):
    """The posterior's network: all its weights in one array, and how many directions its view has, (1,)."""

    weights: Array32
    directions: NDArray[np.int64]


@dataclass(frozen=True)
class RightKeyDecoder(Artefact):
    """All weights of the decoder of raw features, in one array."""

    weights: Array32


@dataclass(frozen=True)
class RecoveredDecoder(Artefact):
    """All weights of the decoder of a* by the closest estimate, in one array."""

    weights: Array32


@dataclass(frozen=True)
class Reconstructions(Artefact):
    """Images (N, 1, H, W, C) of the test split in [0, 1]; RMSE on validation, (1,), to choose by."""

    images: Array32
    validation_rmse: NDArray[np.float64]


@dataclass(frozen=True)
class FittedImages(Artefact):
    """Images (N, H, W, C) in [0, 1] that the manifold fit found on its way to the angle."""

    images: Array32


@dataclass(frozen=True)
class KeySweep(Artefact):
    """Images (E, S, H, W, C) decoded with the key off by S angles (S,), radians."""

    images: Array32
    angles: Radians
