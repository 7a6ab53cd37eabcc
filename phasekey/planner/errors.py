"""What can go wrong while planning."""

from phasekey.errors import PhasekeyError


class PlannerError(PhasekeyError):
    """A network, bundle or speed that no plan can be made for; the message says what to give instead."""
