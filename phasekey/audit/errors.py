"""The audit's one base class of errors."""

from phasekey.errors import PhasekeyError


class AuditError(PhasekeyError):
    """An audit that cannot be made, resumed, compared or judged; the message says what to do."""
