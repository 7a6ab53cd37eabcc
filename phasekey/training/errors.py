"""Errors of training: its options, its data and its checkpoints."""

from phasekey.errors import PhasekeyError


class TrainingError(PhasekeyError):
    """An option, a data set or a checkpoint is not what training can use; the message names it."""


class DivergedError(TrainingError):
    """The loss or the weights are no numbers any more."""
