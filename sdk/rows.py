"""What hides each image: the rows of M, the secret matrix, and what the store must know before x leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime import Encoder
from phasekey.bundle import Manifest
from sdk.errors import SdkError
from sdk.secrets import DerivedKeys, KeySource, Secrets, expand
from sdk.store import Store, Taken

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
            DecoysUsedUp: too few are left.
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
            feature = self._encoder.features(images)
            ids = [decoy for assigned in taken for decoy in assigned.ids]
            decoys = self._archived(ids, feature.shape[1:])
        else:
            feature, decoys = self._encoder.encode(images, secrets.noise)
        apart = decoys.reshape(len(feature), -1, *feature.shape[1:])
        return np.concatenate([feature[:, None], apart], axis=1), secrets

    def group(self, images: Array) -> tuple[bytes, list[int], Taken]:
        """Reserve a group of at most k real inputs that hide each other; an archive's decoys fill it up.

        Args:
            images: the inputs, (R, H, W, C), R of 1 to k.

        Returns:
            The group's code, the order of its rows, which is that of the inputs' codes whatever order they
            came in, and its decoys.
        """
        if self._store is None or not self._manifest.decoy.archived:
            raise SdkError("crowd=True takes a bundle whose decoys come from an archive, and decoys=.")
        codes = self._derived.codes(images, self._manifest.secret)
        order = sorted(range(len(codes)), key=codes.__getitem__)
        code = self._derived.group_code([codes[at] for at in order])
        (taken,) = self._store.reserve([code], decoys=self._manifest.secret.components - len(images))
        return code, order, taken

    def of_groups(
        self, images: Sequence[Array], codes: Sequence[bytes], taken: Sequence[Taken]
    ) -> tuple[Floats, Secrets]:
        """M, (G, k, C, …), and Q of groups of inputs, each in its order."""
        secrets = expand(list(codes), 0, self._manifest.secret)
        features = self._encoder.features(np.concatenate(images))
        ids = [decoy for assigned in taken for decoy in assigned.ids]
        decoys = self._archived(ids, features.shape[1:]) if ids else features[:0]
        rows, real, filled = [], 0, 0
        for group, assigned in zip(images, taken, strict=True):
            own = features[real : real + len(group)]
            rows.append(np.concatenate([own, decoys[filled : filled + len(assigned.ids)]]))
            real, filled = real + len(group), filled + len(assigned.ids)
        return np.stack(rows), secrets

    def start_film(self, seed: bytes) -> int:
        """Use up k - 1 bursts for a film; returns its number."""
        if self._store is None or not self._manifest.decoy.archived:
            raise SdkError("A session takes a bundle whose decoys come from an archive, and decoys=.")
        return self._store.start_film(seed, self._manifest.secret.components - 1)

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
        return self._encoder.features(pixels if plain else pixels.astype(np.float32) / np.float32(255))

    @property
    def _derived(self) -> DerivedKeys:
        if not isinstance(self._keys, DerivedKeys):
            raise SdkError("A store knows inputs by codes under a secret: give secret=, not keys=.")
        return self._keys
