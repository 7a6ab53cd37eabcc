"""Errors of training across devices."""

from phasekey.errors import PhasekeyError


class FederatedError(PhasekeyError):
    """A run across devices that cannot be set up, or whose result is not good enough to keep."""


class UpdateError(FederatedError):
    """An update that is not taken into the mean: of other shapes, not finite, or of no weight."""
