"""The device's part, without any network: for whoever brings a transport, and below both clients."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, TypedDict

import numpy as np

from edge_runtime import Decoder, Encoder, load_images
from edge_runtime.images import Images
from phasekey.bundle import Manifest, edge_of
from phasekey.bundle.signature import TrustedKey
from sdk.core.hidden import Hidden
from sdk.core.info import info_of
from sdk.core.message_size import images_per_request
from sdk.core.opening import Secret, open_keys, open_store, trusted_manifest
from sdk.core.predicting import Predictor
from sdk.core.rows import Rows
from sdk.core.steps import Walk
from sdk.errors import ConfigurationError
from sdk.keeping import EncoderChangedWarning, note_encoder
from sdk.keeping import data_folder as folder_of
from sdk.prediction import ModelInfo, Prediction
from sdk.privacy import warn_once
from sdk.secrets import DerivedKeys, KeySource
from sdk.store import Taken
from sdk.transport.leases import check_process

Array = np.ndarray[Any, np.dtype[Any]]


class DeviceOptions(TypedDict, total=False):
    """The keywords of Device, which both clients take too."""

    secret: Secret
    ephemeral: bool
    trusted_key: TrustedKey | None
    newer_than: int | None
    data_folder: str | os.PathLike[str] | None
    keys: KeySource | None
    decoys: str | os.PathLike[str] | None
    budget: float | None
    store: str | os.PathLike[str] | None
    resize: bool


class Device:
    """Encodes and hides images, and decodes what a cloud answers. Has no network: bring your own.

    One may be used from several threads at once, and not in a child of a fork.

    Args:
        bundle: an export, or its 'edge' folder. Where it was never audited, or its audit found it open, a
            PrivacyWarning says so.
        secret: at least 16 random bytes that are this device's own, kept over restarts by the app; or what
            gives them when called, such as KeyringSecret(). Without it, the secret of this device, which is
            made at its first use and kept in the user's data folder (docs/secret.md).
        ephemeral: draw a secret for this object's life instead. Then the same image, sent again after a
            restart, goes out under a new Q and new decoys, and from two such x of one image the cloud can
            compute the feature (it lies where the two spans meet): for inputs that never come again.
        trusted_key: public keys (``ed25519:…``), of one of which the bundle must be signed (docs/signing.md).
        newer_than: the version of a signed bundle, of which older ones are refused.
        data_folder: where this device's files lie, in place of the platform's folder (PHASEKEY_DATA_DIR).
        keys: another source of matrices and noise, in place of ``secret``.
        decoys: the archive of private images (``phasekey decoys pack``), for bundles that hide an image among
            others; goes with ``secret``. Each of its images hides one transmission and is then used up; which
            input took which is kept in the same file.
        budget: most nats that all new inputs together may tell the cloud, for bundles that state a bound. A
            repeated input is free.
        store: the file that keeps what is spent, beside a ``secret`` that is kept; ``decoys`` keeps it too.
            With this device's own secret it lies beside that by default.
        resize: scale images to the encoder's size instead of refusing them.
        batch_size: most images in one request; fewer where their x would exceed 16 MiB.

    Raises:
        SdkError: arguments that do not go together.
        BundleError: no bundle there, or a damaged one.
        EdgeRuntimeError: the bundle's graphs do not load.
    """

    def __init__(
        self,
        bundle: str | os.PathLike[str],
        *,
        secret: Secret = None,
        ephemeral: bool = False,
        trusted_key: TrustedKey | None = None,
        newer_than: int | None = None,
        data_folder: str | os.PathLike[str] | None = None,
        keys: KeySource | None = None,
        decoys: str | os.PathLike[str] | None = None,
        budget: float | None = None,  # nats
        store: str | os.PathLike[str] | None = None,
        resize: bool = False,
        batch_size: int = 64,  # images
    ) -> None:
        if not isinstance(bundle, str | os.PathLike):
            raise ConfigurationError(f"bundle must be a path, not a {type(bundle).__name__}.")
        self._folder = edge_of(Path(bundle))
        self._manifest = trusted_manifest(self._folder, trusted_key, newer_than)
        warn_once(self._manifest, stacklevel=2 if type(self) is Device else 3)
        self._keys = open_keys(
            self._manifest, secret=secret, keys=keys, ephemeral=ephemeral, folder=data_folder
        )
        self._own_keys = keys is None
        if data_folder is not None or (secret is None and keys is None and not ephemeral):
            changed = note_encoder(folder_of(data_folder), self._manifest)
            if changed:
                warnings.warn(changed, EncoderChangedWarning, stacklevel=2 if type(self) is Device else 3)
        self._store = open_store(
            self._manifest,
            secret=secret,
            keys=keys,
            ephemeral=ephemeral,
            folder=data_folder,
            decoys=decoys,
            store=store,
            budget=budget,
        )
        self._encoder = Encoder(self._folder, self._manifest)
        self._rows = Rows(self._manifest, self._encoder, self._keys, self._store, budget)
        self._decoder = Decoder(self._folder, self._manifest)
        self._batch_size, self._resize = images_per_request(self._manifest, batch_size), resize
        self._predictor = Predictor(self._manifest, self._rows, self._decoder, self._batch_size)
        self._process, self._lock, self._images = os.getpid(), threading.Lock(), 0

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself: image size, labels, the model's name and training."""
        return self._manifest

    @property
    def keys(self) -> KeySource:
        """The source of matrices and noise. Its repr tells which one it is and shows no secret."""
        return self._keys

    @property
    def spent(self) -> float | None:
        """Nats that all new inputs so far may have told the cloud, over restarts too where a store is kept.

        None where nothing is counted: the bundle states no bound, or there is no budget and no store.
        """
        return self._rows.spent

    def model_info(self) -> ModelInfo:
        """What the bundle is: image size, labels, what hides, and how much travels."""
        return info_of(self._manifest)

    def prepare(self, predictions: int) -> int:
        """Encode decoys ahead, so that a prediction of a new input costs one pass of the encoder.

        Args:
            predictions: how many new inputs to be ready for.

        Returns:
            For how many there are decoys, encoded now or before.

        Raises:
            SdkError: the bundle's decoys come from no archive.
        """
        return self._rows.prepare(predictions)

    def encode(self, images: Images) -> Hidden:
        """Hide images for a transport of one's own: send ``.x``, and give h to ``decode``.

        Send one Hidden as often as need be; do not encode again for a retry (it would be the same x with a
        kept secret, and another one without).

        Raises:
            EdgeRuntimeError, DecoysExhausted, BudgetExhausted: as of ``EdgeClient.predict``.
        """
        check_process(self._process)
        batch = self._load(images)
        return Hidden(*self._predictor.hidden(batch, self._rows.reserve(batch)), len(batch))

    def decode(self, hidden: Hidden, h: Array) -> Prediction:
        """What the cloud's answer says of hidden images.

        Args:
            hidden: what ``encode`` gave.
            h: Φ(x), (N, kD, …) in the wire's type.

        Raises:
            InvalidReply: h does not fit.
        """
        return self._predictor.decoded(h, hidden._secrets, len(hidden.x))

    def close(self) -> Any:
        """Close the store and forget the secret; may be called twice."""
        if self._own_keys and isinstance(self._keys, DerivedKeys):
            self._keys.forget()
        if self._store is not None and os.getpid() == self._process:
            self._store.close()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        kind = type(self).__name__
        raise TypeError(f"A {kind} holds a secret and cannot be pickled or copied: make one in each process.")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._manifest.model_name!r}, keys={self._keys!r})"

    def _load(self, images: Images) -> Array:
        return load_images(images, self._manifest.image, resize=self._resize)

    def _walk(self, batch: Array, taken: Sequence[Taken]) -> Walk[Prediction]:
        return self._predictor.predict(batch, taken, self._count)

    def _count(self, images: int) -> None:
        with self._lock:
            self._images += images

    def _exercise(self) -> None:
        """Run both graphs once, on a black image that goes nowhere: the first run of each is slow."""
        manifest = self._manifest
        image = manifest.image
        black = np.zeros((1, image.height, image.width, image.channels), image.dtype)
        if manifest.decoy.archived:
            self._encoder.features(black)
        else:
            noise = (manifest.secret.components - 1) * manifest.decoy.noise_size
            self._encoder.encode(black, np.zeros((1, noise), np.float32))
        shape = [size or 1 for size in manifest.decoder.inputs[0].shape]
        self._decoder.decode(np.zeros(shape, np.float32))
