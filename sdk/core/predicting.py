"""From images to a prediction, as a walk: encode, hide, ask the cloud, reveal, decode."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime import Decoder
from phasekey.bundle import Manifest, format_shape
from sdk.core.crowd import predict_seats
from sdk.core.labels import label
from sdk.core.rows import Rows
from sdk.core.steps import Infer, Walk
from sdk.errors import InvalidReply, SdkError
from sdk.prediction import Prediction, Timings
from sdk.secrets import Secrets, hide, reveal
from sdk.store import Taken
from sdk.transport.interface import Answer
from sdk.wire_format import from_wire, to_wire

Array = np.ndarray[Any, np.dtype[Any]]
Floats = npt.NDArray[np.float32]


class Predictor:
    """Predicts images that are reserved. Safe to use from several threads at once.

    Args:
        manifest: of the bundle.
        rows: makes M and Q.
        decoder: of the bundle.
        batch_size: most images in one request.
    """

    def __init__(self, manifest: Manifest, rows: Rows, decoder: Decoder, batch_size: int) -> None:
        self._manifest, self._rows, self._decoder, self._batch_size = manifest, rows, decoder, batch_size
        self._permuted = manifest.secret.permutes

    def predict(
        self, batch: Array, taken: Sequence[Taken], counted: Callable[[int], None]
    ) -> Walk[Prediction]:
        """Predict images (N, H, W, C) that are reserved: from here on x leaves the device.

        Args:
            batch: the images.
            taken: what each got of the store.
            counted: is told how many were answered, request by request.

        Raises:
            SdkError: with what was answered before it as ``partial``.
        """
        answers = _Answers(len(batch), self._manifest)
        alone = [number for number, each in enumerate(taken) if each.seat is None]
        seats = [number for number, each in enumerate(taken) if each.seat is not None]
        try:
            for start in range(0, len(alone), self._batch_size):
                chunk = alone[start : start + self._batch_size]
                with answers.timed("encode"):
                    rows, secrets = self._rows.of(batch[chunk], [taken[number] for number in chunk])
                with answers.timed("hide"):
                    x = self._hide(rows, secrets)
                try:
                    revealed = yield from self._process(answers, chunk, x, secrets)
                finally:
                    secrets.wipe()
                self._decode(answers, chunk, revealed, counted)
            if seats:
                revealed = yield from predict_seats(
                    [taken[number].seat for number in seats],  # type: ignore[misc]  # each has one
                    self._rows,
                    lambda x, secrets, wanted: self._process(answers, seats, x, secrets, wanted),
                    self._batch_size,
                )
                self._decode(answers, seats, revealed, counted)
        except SdkError as error:
            error.partial = answers.prediction()
            raise
        return answers.prediction()

    def hidden(self, batch: Array, taken: Sequence[Taken]) -> tuple[Array, Secrets]:
        """X of reserved images in the wire's type, and what reveals their answer."""
        rows, secrets = self._rows.of(batch, taken)
        return self._to_wire(self._hide(rows, secrets)), secrets

    def decoded(self, h: Array, secrets: Secrets, samples: int) -> Prediction:
        """What h of such an X says."""
        check_reply(h, samples, self._manifest)
        revealed = reveal(from_wire(h, self._manifest.wire), secrets.matrix, permuted=self._permuted, row=0)
        probabilities = self._decoder.decode(revealed)
        revealed[...] = 0
        names, numbers = label(probabilities, self._manifest), tuple(range(len(probabilities)))
        return Prediction(names, probabilities, self._manifest.labels, images=numbers)

    def _process(
        self,
        answers: _Answers,
        images: Sequence[int],
        x: Floats,
        secrets: Secrets,
        wanted: Sequence[int] = (0,),
    ) -> Walk[Floats]:
        """Send, receive, reveal: X of N transmissions -> Φ of the wanted rows, (len(wanted)·N, D, …)."""
        with answers.timed("hide"):
            sent = self._to_wire(x)
        start = time.perf_counter()
        outcome = yield Infer(sent)
        answer = outcome if isinstance(outcome, Answer) else Answer(outcome)
        answers.note(images, answer, time.perf_counter() - start)
        check_reply(answer.h, len(x), self._manifest)
        with answers.timed("decode"):
            h = from_wire(answer.h, self._manifest.wire)
            return np.concatenate(
                [reveal(h, secrets.matrix, permuted=self._permuted, row=row) for row in wanted]
            )

    def _hide(self, rows: Floats, secrets: Secrets) -> Floats:
        """X of these rows, which are overwritten."""
        x = hide(rows, secrets.matrix, permuted=self._permuted)
        rows[...] = 0
        return x

    def _to_wire(self, x: Floats) -> Array:
        return to_wire(x, self._manifest.wire, 1 if self._permuted else self._manifest.secret.components)

    def _decode(
        self, answers: _Answers, images: Sequence[int], revealed: Floats, counted: Callable[[int], None]
    ) -> None:
        with answers.timed("decode"):
            answers.put(images, self._decoder.decode(revealed))
            revealed[...] = 0
        counted(len(images))


class _Answers:
    """What one call has got so far."""

    def __init__(self, count: int, manifest: Manifest) -> None:
        self._manifest, self._done = manifest, np.zeros(count, bool)
        self._probabilities = np.empty((count, len(manifest.labels)), np.float32)
        self._seconds = dict.fromkeys(("encode", "hide", "wire", "cloud", "decode"), 0.0)
        self._fallen: set[int] = set()
        self._reason: str | None = None

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the time of a stage."""
        start = time.perf_counter()
        yield
        self._seconds[stage] += time.perf_counter() - start

    def note(self, images: Sequence[int], answer: Answer, seconds: float) -> None:
        """Keep how an answer came about."""
        cloud = min(answer.cloud, seconds)
        self._seconds["cloud"] += cloud
        self._seconds["wire"] += seconds - cloud
        if answer.local is not None:
            self._fallen.update(images)
            self._reason = answer.local

    def put(self, images: Sequence[int], probabilities: Floats) -> None:
        """Keep the answers of these images."""
        self._probabilities[images], self._done[images] = probabilities, True

    def prediction(self) -> Prediction:
        """What there is."""
        numbers = np.flatnonzero(self._done)
        probabilities = self._probabilities[numbers]
        return Prediction(
            label(probabilities, self._manifest),
            probabilities,
            self._manifest.labels,
            Timings(**self._seconds),
            tuple(map(int, numbers)),
            tuple(row for row, number in enumerate(numbers) if number in self._fallen),
            self._reason,
        )


def check_reply(h: Array, count: int, manifest: Manifest) -> None:
    """Check h before it is decoded: the server is not trusted, with this either.

    Raises:
        InvalidReply: another type or shape, NaN or infinity.
    """
    spec = manifest.processing.outputs[0]
    shape = (count, *spec.shape[1:])
    if h.dtype != spec.dtype or h.shape != shape:
        raise InvalidReply(
            f"The server answered with {h.dtype} {format_shape(h.shape)}, expected is {spec.dtype} "
            f"{format_shape(shape)}. Is it serving the model of this bundle?",
            done="x was sent",
        )
    if not np.isfinite(h).all():
        raise InvalidReply(
            "The server answered with NaN or infinity: its model is broken. Export it again.",
            done="x was sent",
        )
