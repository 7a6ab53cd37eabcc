"""From images to a prediction, as a walk: encode, hide, ask the cloud, reveal, decode."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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
        answers = _Answers(self._manifest)
        alone = [number for number, each in enumerate(taken) if each.seat is None]
        seats = [number for number, each in enumerate(taken) if each.seat is not None]
        try:
            for start in range(0, len(alone), self._batch_size):
                chunk = alone[start : start + self._batch_size]
                answers.begin()
                rows, secrets = self._rows.of(_part(batch, chunk), [taken[number] for number in chunk])
                answers.end("encode")
                x = self._hide(rows, secrets)
                answers.end("hide")
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
        values = received(h, samples, self._manifest)
        revealed = reveal(values, secrets.matrix, permuted=self._permuted, row=0)
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
        answers.begin()
        sent = self._to_wire(x)
        answers.end("hide")
        outcome = yield Infer(sent)
        answer = outcome if isinstance(outcome, Answer) else Answer(outcome)
        answers.note(images, answer)
        h = received(answer.h, len(x), self._manifest)
        revealed = [reveal(h, secrets.matrix, permuted=self._permuted, row=row) for row in wanted]
        answers.end("decode")
        return revealed[0] if len(revealed) == 1 else np.concatenate(revealed)

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
        answers.begin()
        answers.put(images, self._decoder.decode(revealed))
        revealed[...] = 0
        answers.end("decode")
        counted(len(images))


class _Answers:
    """What one call has got so far."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._parts: list[tuple[Sequence[int], Floats]] = []
        self._seconds = dict.fromkeys(("encode", "hide", "wire", "cloud", "decode"), 0.0)
        self._since = 0.0
        self._fallen: set[int] = set()
        self._reason: str | None = None

    def begin(self) -> None:
        """Begin to count a stage's time."""
        self._since = time.perf_counter()

    def end(self, stage: str) -> float:
        """Count what has passed as this stage's, and begin the next: seconds."""
        now = time.perf_counter()
        passed, self._since = now - self._since, now
        self._seconds[stage] += passed
        return passed

    def note(self, images: Sequence[int], answer: Answer) -> None:
        """Keep how an answer came about that was waited for until now."""
        cloud = min(answer.cloud, self.end("wire"))
        self._seconds["cloud"] += cloud
        self._seconds["wire"] -= cloud
        if answer.local is not None:
            self._fallen.update(images)
            self._reason = answer.local

    def put(self, images: Sequence[int], probabilities: Floats) -> None:
        """Keep the answers of these images."""
        self._parts.append((images, probabilities))

    def prediction(self) -> Prediction:
        """What there is, in the order of the images."""
        numbers = [number for images, _ in self._parts for number in images]
        nothing = np.empty((0, len(self._manifest.labels)), np.float32)
        parts = [probabilities for _, probabilities in self._parts] or [nothing]
        probabilities = parts[0] if len(parts) == 1 else np.concatenate(parts)[np.argsort(numbers)]
        numbers.sort()
        return Prediction(
            label(probabilities, self._manifest),
            probabilities,
            self._manifest.labels,
            Timings(**self._seconds),
            tuple(numbers),
            tuple(row for row, number in enumerate(numbers) if number in self._fallen),
            self._reason,
        )


def _part(batch: Array, numbers: Sequence[int]) -> Array:
    """Some images of a batch; all of them without a copy."""
    return batch if len(numbers) == len(batch) else batch[numbers]


def received(h: Array, count: int, manifest: Manifest) -> Floats:
    """h as float32, checked before it is decoded: the server is not trusted, with this either.

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
    values = from_wire(h, manifest.wire)
    if h.dtype.kind == "f" and np.count_nonzero(np.isfinite(values)) != values.size:
        raise InvalidReply(
            "The server answered with NaN or infinity: its model is broken. Export it again.",
            done="x was sent",
        )
    return values
