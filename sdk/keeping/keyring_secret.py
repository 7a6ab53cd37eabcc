"""The device's secret in the operating system's keyring, by the optional package `keyring`."""

from __future__ import annotations

import base64
import os

from sdk.secrets.keys import SECRET_BYTES
from sdk.secrets.secrets import Unprintable


class KeyringSecret(Unprintable):
    """Give this as ``secret=``: the secret is kept in the system's keyring, and made at its first use.

    A keyring has no way to make an entry once: of two processes that are the first at once, each may
    make one, and the later one stays. Make it ahead, by calling the object once.

    Args:
        service: the entry's name.
        user: whose.

    Raises:
        PhasekeyError: the package is not installed (``pip install 'phasekey[keyring]'``).
    """

    __slots__ = ("_service", "_user")

    def __init__(self, service: str = "phasekey", user: str = "device") -> None:
        from phasekey.command import require_extra  # here: it brings argparse along

        require_extra("keyring", "A secret in the keyring", ["keyring"])
        self._service, self._user = service, user

    def __call__(self) -> bytes:
        """The secret; the same at each call."""
        import keyring

        if keyring.get_password(self._service, self._user) is None:
            drawn = base64.b64encode(os.urandom(SECRET_BYTES)).decode()
            keyring.set_password(self._service, self._user, drawn)
        return base64.b64decode(str(keyring.get_password(self._service, self._user)))
