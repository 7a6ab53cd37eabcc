"""What hides each image: the rows of M, the secret matrix, and what the store must know before x leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime import Encoder
from phasekey.bundle import Manifest
from sdk.errors import SdkError
from sdk.secrets import DerivedKeys, KeySource, Secrets, expand, hide
from sdk.store import Seat, Store, Taken
from sdk.store.archive import Pixels

Array = np.ndarray[Any, np.dtype[Any]]
Floats = npt.NDArray[np.float32]


class Rows:
    """Makes M and Q of images. Safe to use from several threads at once.

    Args:
        manifest: of the bundle.
        encoder: its encoder.
        keys: where matrices and noise come from.
        store: decoys, assignments and the spent budget; None where the bundle needs none.
        budget: most nats that may be spent in all.
    """

    def __init__(
        self,
        manifest: Manifest,
        encoder: Encoder,
        keys: KeySource,
        store: Store | None,
        budget: float | None,
    ) -> None:
        self._manifest, self._encoder, self._keys = manifest, encoder, keys
        self._store, self._budget = store, budget
        self._checksum = bytes.fromhex(manifest.encoder.sha256)
        self._decoys = manifest.secret.components - 1 if manifest.decoy.archived else 0

    @property
    def components(self) -> int:
        """k."""
        return self._manifest.secret.components

    @property
    def spent(self) -> float | None:
        """Nats that all inputs so far have spent, or None where nothing is counted."""
        counted = self._store is not None and self._manifest.nats_per_transmission is not None
        return self._store.spent if self._store is not None and counted else None

    def reserve(self, images: Array, film: int | None = None) -> list[Taken]:
        """Note in the store, before any x leaves, that these images are sent: all of them, or none.

        Args:
            images: (N, H, W, C).
            film: the number of the film whose next frames they are.

        Returns:
            The decoys of each image.

        Raises:
            DecoysExhausted: too few are left.
            BudgetExhausted: too few nats are left.
        """
        if self._store is None:
            return [Taken(())] * len(images)
        codes = self._derived.codes(images, self._manifest.secret)
        nats = self._manifest.nats_per_transmission or 0.0
        if film is not None:
            return self._store.reserve_frames(codes, film, nats=nats, budget=self._budget)
        return self._store.reserve(codes, decoys=self._decoys, nats=nats, budget=self._budget)

    def of(self, images: Array, taken: Sequence[Taken]) -> tuple[Floats, Secrets]:
        """M, (N, k, C, …), and Q of images whose decoys are reserved."""
        spec = self._manifest.secret
        secrets = self._keys.draw(images, self._manifest.decoy.noise_size, spec)
        for at, assigned in enumerate(taken):
            if assigned.seed is not None:  # a film keeps one order
                secrets.matrix[at] = expand([assigned.seed], 0, spec).matrix[0]
        if self._decoys:
            feature = self._features(images)
            ids = [decoy for assigned in taken for decoy in assigned.ids]
            decoys = self._archived(ids, feature.shape[1:])
        else:
            feature, decoys = self._encoder.encode(images, secrets.noise)
        apart = decoys.reshape(len(feature), -1, *feature.shape[1:])
        rows = np.concatenate([feature[:, None], apart], axis=1)
        for part in (feature, decoys):
            if part.flags.writeable:
                part.fill(0)
        return rows, secrets

    def reserve_crowd(self, images: Array) -> list[Taken]:
        """As ``reserve``, for images that are to hide each other, k in a transmission.

        Raises:
            DecoysExhausted: too few are left to fill up the last one.
        """
        if self._store is None or not self._manifest.decoy.archived:
            raise SdkError("crowd=True takes a bundle whose decoys come from an archive, and decoys=.")
        spec = self._manifest.secret
        codes = self._derived.codes(images, spec)
        own = dict(zip(codes, self._features(images), strict=True))

        def compose(crowd: bytes, members: Sequence[bytes], fill: Pixels | None) -> bytes:
            rows = np.stack([own[code] for code in members])
            rows = rows if fill is None else np.concatenate([rows, self._encode(fill)])
            x = hide(rows[None], expand([crowd], 0, spec).matrix, permuted=spec.permutes)
            return x.astype("<f4").tobytes()

        return self._store.reserve_crowd(codes, spec.components, self._derived.group_code, compose)

    def of_crowds(self, seats: Sequence[Seat]) -> tuple[Floats, Secrets]:
        """What these crowds sent, as ``hide`` gives it, and their Q; one seat of each."""
        shape = [size or 1 for size in self._manifest.processing.inputs[0].shape[1:]]
        x = [np.frombuffer(seat.x, "<f4").astype(np.float32).reshape(-1, *shape) for seat in seats]
        return np.concatenate(x), expand([seat.crowd for seat in seats], 0, self._manifest.secret)

    def start_film(self, seed: bytes, frames: int) -> int:
        """Use up k - 1 bursts of at least so many frames for a film; returns its number."""
        if self._store is None or not self._manifest.decoy.archived:
            raise SdkError("A session takes a bundle whose decoys come from an archive, and decoys=.")
        return self._store.start_film(seed, self._manifest.secret.components - 1, frames)

    def prepare(self, count: int) -> int:
        """Encode the decoys of the next `count` predictions ahead; returns for how many there are enough."""
        if self._store is None or not self._decoys:
            raise SdkError("Only decoys of an archive can be prepared: give decoys=.")
        return self._store.prepare(count * self._decoys, self._checksum, self._encode) // self._decoys

    def _archived(self, ids: Sequence[int], shape: tuple[int, ...]) -> Floats:
        if self._store is None:
            raise SdkError("This bundle's decoys come from an archive: give decoys=.")
        return self._store.features(ids, self._checksum, shape, self._encode)

    def _encode(self, pixels: npt.NDArray[np.uint8]) -> Floats:
        plain = self._manifest.image.dtype == "uint8"
        return self._features(pixels if plain else pixels.astype(np.float32) / np.float32(255))

    def _features(self, images: Array) -> Floats:
        """Encode one image at a time.

        In a batch of another size, the last bits of a feature may differ. Were they to differ in the input's
        row alone when it comes again, they would tell which row it is.
        """
        return np.concatenate([self._encoder.features(image[None]) for image in images])

    @property
    def _derived(self) -> DerivedKeys:
        if not isinstance(self._keys, DerivedKeys):
            raise SdkError("A store knows inputs by codes under a secret: give secret=, not keys=.")
        return self._keys
