"""Which keys and store a client's arguments ask for, and whether they go together and with the bundle."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path as FilePath

from phasekey.bundle import Manifest, load_manifest
from phasekey.bundle.signature import SignatureError, TrustedKey
from sdk.errors import ConfigurationError, Untrusted
from sdk.keeping import data_folder, device_secret
from sdk.secrets import DerivedKeys, KeySource
from sdk.store import Store

Path = str | os.PathLike[str] | None
Secret = bytes | bytearray | Callable[[], bytes] | None


def trusted_manifest(folder: FilePath, trusted_key: TrustedKey | None, newer_than: int | None) -> Manifest:
    """The manifest of a bundle, which must be signed where a key is given.

    Raises:
        Untrusted: it is not signed by that key, was changed since, or is too old.
        BundleError: no bundle there, or a damaged one.
    """
    try:
        return load_manifest(folder, trusted_key=trusted_key, newer_than=newer_than)
    except SignatureError as error:
        raise Untrusted(str(error)) from error


def open_keys(
    manifest: Manifest, *, secret: Secret, keys: KeySource | None, ephemeral: bool, folder: Path
) -> KeySource:
    """The keys that the client's arguments ask for: without any, those of the secret that this device keeps.

    Raises:
        ConfigurationError: arguments that do not go together.
        Untrusted: the secret that is kept is none, or others can read it.
        SdkError: none can be kept here.
    """
    if sum((secret is not None, keys is not None, ephemeral)) > 1:
        raise ConfigurationError("Give one of secret=, keys= and ephemeral=True, not several.")
    context = manifest.key_context
    if keys is not None:
        if not callable(getattr(keys, "draw", None)):
            raise ConfigurationError(
                f"keys must have a method draw (KeySource), not be a {type(keys).__name__}."
            )
        return keys
    if ephemeral:
        return DerivedKeys(context=context)
    if secret is not None:
        return DerivedKeys(secret() if callable(secret) else secret, context=context)
    kept = device_secret(data_folder(folder))
    try:
        return DerivedKeys(kept, context=context, origin="kept")
    finally:
        kept[:] = bytes(len(kept))


def open_store(
    manifest: Manifest,
    *,
    secret: Secret,
    keys: KeySource | None,
    ephemeral: bool,
    folder: Path,
    decoys: Path,
    store: Path,
    budget: float | None,
) -> Store | None:
    """Open what the client's arguments ask for; None where the bundle and they need no store.

    Raises:
        ConfigurationError: arguments that do not go together, or with the bundle.
        StoreError: the file cannot be opened, or its images are of another size.
    """
    _check_paths(manifest, decoys, store)
    path = decoys if decoys is not None else store
    if budget is not None:
        _check_budget(manifest, budget)
    if path is None and budget is None:
        return None
    if keys is not None:
        raise ConfigurationError("A store knows inputs by codes under a secret: give secret=, not keys=.")
    if path is None and secret is None and not ephemeral:
        path = data_folder(folder) / f"spent-{manifest.key_context.decode()[:12]}.db"  # beside the secret
    if ephemeral != (path is None):
        raise ConfigurationError(
            "What is kept in a file belongs to a secret that is kept too: with secret= give the file too "
            "(decoys= or store=); with ephemeral=True all is counted for the life of this client, in no file."
        )
    opened = Store(path)
    if decoys is not None:
        _check_images(manifest, opened)
    return opened


def _check_paths(manifest: Manifest, decoys: Path, store: Path) -> None:
    if manifest.decoy.archived and decoys is None:
        raise ConfigurationError(
            "This bundle hides images among others that the device keeps: give decoys='FILE', made by "
            "phasekey decoys pack."
        )
    if decoys is not None and not manifest.decoy.archived:
        raise ConfigurationError(
            "This bundle draws its decoys itself; for a budget give store= in place of decoys=."
        )
    if decoys is not None and store is not None:
        raise ConfigurationError("decoys= and store= name the same kind of file: give one, it keeps all.")


def _check_budget(manifest: Manifest, budget: float) -> None:
    if manifest.nats_per_transmission is None:
        raise ConfigurationError(
            "This bundle states no bound in nats, so there is nothing to count: budget= is for bundles of "
            "phasekey train --mode bounded."
        )
    if not budget > 0:
        raise ConfigurationError(f"budget must be a number of nats above 0, not {budget}.")


def _check_images(manifest: Manifest, store: Store) -> None:
    image = manifest.image
    wanted, found = (image.height, image.width, image.channels), store.image_shape
    if found is not None and found != wanted:
        store.close()
        raise ConfigurationError(
            f"The archive holds images of {' × '.join(map(str, found))} (height, width, channels), the "
            f"encoder takes {' × '.join(map(str, wanted))}. Pack them again with --bundle."
        )
