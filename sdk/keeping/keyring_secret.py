"""The device's secret in the operating system's keyring, by the optional package `keyring`."""

from __future__ import annotations

import base64
import binascii
import os

from sdk.errors import SdkError, Untrusted
from sdk.keeping.judging import flaw
from sdk.keeping.place import data_folder
from sdk.keeping.secret_file import guarded
from sdk.secrets.keys import SECRET_BYTES
from sdk.secrets.secrets import Unprintable


class KeyringSecret(Unprintable):
    """Give this as ``secret=``: the secret is kept in the system's keyring, and made at its first use.

    A keyring has no way to make an entry once. Processes that are the first at once wait for each other by a
    lock in the device's data folder.

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
        """The secret; the same at each call.

        Raises:
            Untrusted: the entry holds something else.
            SdkError: there is no keyring here, or it is locked; or the data folder takes no lock.
        """
        import keyring
        from keyring.errors import KeyringError

        entry = (self._service, self._user)

        def make() -> None:
            if keyring.get_password(*entry) is None:
                keyring.set_password(*entry, base64.b64encode(os.urandom(SECRET_BYTES)).decode())

        try:
            kept = keyring.get_password(*entry)
            if kept is None:
                guarded(data_folder(), make)
                kept = keyring.get_password(*entry)
        except KeyringError as error:
            raise SdkError(
                f"The system's keyring gives no secret ({type(error).__name__}): unlock it, or leave secret= "
                "out, and a file of this device keeps it."
            ) from None  # a backend's own words may hold what it was given
        return _checked(kept or "", "/".join(entry))


def _checked(kept: str, entry: str) -> bytes:
    try:
        secret = base64.b64decode(kept, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    problem = flaw(secret)
    if problem:
        raise Untrusted(
            f"The keyring's entry {entry} holds no secret of this client's ({problem}, as base64). Give "
            "KeyringSecret another service or user."
        )
    return secret
