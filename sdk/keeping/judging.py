"""Is this a secret? What nobody draws at random is refused, what may be a password is warned of. Pure."""

from __future__ import annotations

import re

import numpy as np

from phasekey.bundle import PrivacyWarning
from sdk.secrets.keys import MIN_SECRET_BYTES

LONGEST = 4096  # bytes; a file beyond that holds something else
# Of 16 random bytes about 15.5 values differ; fewer than 8 have a probability below 1e-9.
_FEWEST_VALUES = 8
_HEX = re.compile(rb"[0-9a-fA-F]{32,}\s*")
_BASE64 = re.compile(rb"(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])(?=\D*\d)[A-Za-z0-9+/_-]{22,}=*\s*")


class WeakSecretWarning(PrivacyWarning):
    """A secret is text that somebody may have thought up, and somebody else may guess."""


def flaw(secret: bytes | bytearray) -> str | None:
    """Say why these bytes are no secret, or None. Shows nothing of them."""
    if not MIN_SECRET_BYTES <= len(secret) <= LONGEST:
        return f"it has {len(secret)} bytes, where {MIN_SECRET_BYTES} to {LONGEST} are expected, best 32"
    values = np.frombuffer(secret, np.uint8)
    if len(np.unique(np.diff(values))) == 1:
        return "its bytes are all the same, or count up or down"
    if len(np.unique(values)) < _FEWEST_VALUES:
        return f"it is made of fewer than {_FEWEST_VALUES} different bytes"
    if any((values[period:] == values[:-period]).all() for period in range(1, len(values) // 2 + 1)):
        return "it repeats itself"
    return None


def doubt(secret: bytes | bytearray) -> str | None:
    """Say that these bytes look thought up, or None: text that is neither hexadecimal nor base64."""
    text = all(32 <= byte < 127 or byte in b"\t\n\r" for byte in secret)
    if not text or _HEX.fullmatch(secret) or _BASE64.fullmatch(secret):
        return None
    return (
        "it looks like a password: whoever guesses it undoes all that was sent under it; "
        "`python -m sdk init` makes a random one"
    )
