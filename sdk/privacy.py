"""Telling whoever writes the app, once, what the bundle's audit says."""

from __future__ import annotations

import threading
import warnings

from phasekey.bundle import Manifest, PrivacyWarning

_told: set[str] = set()
_lock = threading.Lock()


def warn_once(manifest: Manifest, stacklevel: int) -> None:
    """Warn of a bundle that was never audited or lies open: once for each bundle in a process.

    Args:
        manifest: the bundle's.
        stacklevel: whose line the warning names; 2 is the caller's caller.
    """
    with _lock:
        new = manifest.bundle_id not in _told
        _told.add(manifest.bundle_id)
    if new and manifest.privacy_warning:
        warnings.warn(
            f"{manifest.model_name}: {manifest.privacy_warning}", PrivacyWarning, stacklevel=stacklevel + 1
        )
