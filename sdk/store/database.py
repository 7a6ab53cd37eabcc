"""The store as the client sees it: reserve before sending, then fetch what hides each input."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

from sdk.store import archive, crowds, film, ledger
from sdk.store.archive import Pixels, Shape, Taken
from sdk.store.crowds import Compose, Name
from sdk.store.file import StoreFile

Floats = npt.NDArray[np.float32]


class Store:
    """Decoys, assignments and the spent budget, in one file. Safe to use from several threads and processes.

    Args:
        path: the file, made if it is not there, readable by its owner alone; None keeps all in memory.

    Raises:
        StoreError: the file cannot be opened, or is something else.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._file = StoreFile(path)

    @property
    def path(self) -> str:
        """Where it lies; ``:memory:`` for one without a file."""
        return self._file.path

    @property
    def spent(self) -> float:
        """Nats that all inputs so far have spent."""
        with self._file.transaction() as connection:
            return ledger.spent(connection)

    @property
    def decoys_left(self) -> int:
        """Single decoys that are unused."""
        with self._file.transaction() as connection:
            return archive.left(connection)

    @property
    def bursts_left(self) -> int:
        """Bursts that are unused."""
        with self._file.transaction() as connection:
            return archive.bursts_left(connection)

    @property
    def image_shape(self) -> Shape | None:
        """Height, width, channels of the decoys; None while there are none."""
        with self._file.transaction() as connection:
            return archive.image_shape(connection)

    def add(self, images: Iterable[Pixels]) -> int:
        """Add single decoys, (H, W, C) uint8 each, all or none; returns how many were new."""
        with self._file.transaction() as connection:
            return archive.add(connection, images)

    def add_burst(self, frames: list[Pixels]) -> int:
        """Add the frames of one scene, in order; returns how many, 0 where one of them was there already."""
        with self._file.transaction() as connection:
            return archive.add_burst(connection, frames)

    def reserve(
        self, codes: Sequence[bytes], *, decoys: int = 0, nats: float = 0.0, budget: float | None = None
    ) -> list[Taken]:
        """Note, before any x leaves, that these inputs are sent: all of them in one transaction, or none.

        New inputs use up decoys and spend nats. Inputs that were sent before take what they took, and spend
        nothing.

        Args:
            codes: one for each input, the same for the same input.
            decoys: how many a new input takes.
            nats: what a new input spends.
            budget: most nats that may be spent in all; None sets no limit.

        Returns:
            The decoys of each input.

        Raises:
            DecoysExhausted: too few decoys are left for all of them.
            BudgetExhausted: too few nats are left for all of them.
        """
        with self._file.transaction() as connection:
            found = []
            for code in codes:
                if ledger.is_known(connection, code):
                    found.append(archive.of_input(connection, code))
                    continue
                ledger.spend(connection, code, nats, budget)
                found.append(archive.take(connection, code, decoys) if decoys else Taken(()))
            return found

    def reserve_crowd(self, codes: Sequence[bytes], size: int, name: Name, compose: Compose) -> list[Taken]:
        """As ``reserve``, for inputs that are to hide each other (see crowds.py for the arguments).

        Returns:
            The seat of each input in a crowd; or what hid it, where it was sent otherwise before.

        Raises:
            DecoysExhausted: too few decoys are left to fill up the last crowd.
        """
        with self._file.transaction() as connection:
            crowds.assign(connection, codes, size, name, compose)
            return [archive.of_input(connection, code) for code in codes]

    def start_film(self, seed: bytes, bursts: int, frames: int = 1) -> int:
        """Use up bursts for one film and keep the seed of its secret order; returns the film's number.

        Args:
            seed: of the order.
            bursts: how many.
            frames: how many frames each must have at least.

        Raises:
            DecoysExhausted: too few bursts are left.
        """
        with self._file.transaction() as connection:
            return film.start(connection, seed, bursts, frames)

    def reserve_frames(
        self, codes: Sequence[bytes], number: int, *, nats: float = 0.0, budget: float | None = None
    ) -> list[Taken]:
        """As ``reserve``, for the next frames of a film: each is hidden by one frame of each of its bursts.

        Raises:
            DecoysExhausted: the film is longer than its bursts.
            BudgetExhausted: too few nats are left.
        """
        with self._file.transaction() as connection:
            found = []
            for code in codes:
                if not ledger.is_known(connection, code):
                    ledger.spend(connection, code, nats, budget, number)
                    film.take_frame(connection, code, number)
                found.append(archive.of_input(connection, code))
            return found

    def features(
        self, ids: Sequence[int], encoder: bytes, shape: tuple[int, ...], encode: Callable[[Pixels], Floats]
    ) -> Floats:
        """The features of decoys, (N, …): those encoded ahead, and the others encoded now.

        Args:
            ids: the decoys.
            encoder: the checksum of the encoder.
            shape: of one feature.
            encode: images (N, H, W, C) uint8 -> features (N, …).
        """
        with self._file.transaction() as connection:
            ahead = archive.features_of(connection, ids, encoder)
            missing = [decoy for decoy in ids if decoy not in ahead]
            pixels = archive.pixels_of(connection, missing) if missing else None
        fresh = {} if pixels is None else dict(zip(missing, encode(pixels), strict=True))
        known = {
            decoy: np.frombuffer(blob, np.float32).reshape(shape) for decoy, blob in ahead.items()
        } | fresh
        return np.stack([known[decoy] for decoy in ids])

    def prepare(self, count: int, encoder: bytes, encode: Callable[[Pixels], Floats]) -> int:
        """Encode the next `count` single decoys ahead; returns how many are ready now."""
        with self._file.transaction() as connection:
            ids = archive.next_unused(connection, count)
            ahead = archive.features_of(connection, ids, encoder)
            missing = [decoy for decoy in ids if decoy not in ahead]
            pixels = archive.pixels_of(connection, missing) if missing else None
        if pixels is not None:
            rows = [
                (decoy, encoder, np.ascontiguousarray(feature, np.float32).tobytes())
                for decoy, feature in zip(missing, encode(pixels), strict=True)
            ]
            with self._file.transaction() as connection:
                connection.executemany("INSERT OR IGNORE INTO features VALUES (?, ?, ?)", rows)
        return len(ids)

    def close(self) -> None:
        """Close the file; may be called twice."""
        self._file.close()
