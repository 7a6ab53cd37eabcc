"""Streams, apart from who runs them: chunks of images in, one outcome for each image out, in order."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal

from edge_runtime.files import is_encoded
from phasekey.errors import PhasekeyError
from sdk.core.steps import Walk
from sdk.errors import ConfigurationError
from sdk.prediction import Prediction

OnError = Literal["raise", "skip", "return"]
Outcome = Prediction | PhasekeyError


def check_options(images: object, batch: object, on_error: object) -> None:
    """Refuse what no stream can go by, one image in place of many too.

    Raises:
        ConfigurationError: names it.
    """
    if is_encoded(images) or not isinstance(images, Iterable | AsyncIterable):
        raise ConfigurationError(
            f"A stream takes a list or a generator of images, not a {type(images).__name__}: give [image]."
        )
    if not isinstance(batch, int) or isinstance(batch, bool) or batch < 1:
        raise ConfigurationError(f"batch must be 1 image or more, not {batch!r}.")
    if on_error not in ("raise", "skip", "return"):
        raise ConfigurationError(f"on_error must be 'raise', 'skip' or 'return', not {on_error!r}.")


def chunks(images: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """The images in lists of this size, drawn as they are wanted."""
    source = iter(images)
    while chunk := list(islice(source, size)):
        yield chunk


def outcomes(
    items: Sequence[Any], load: Callable[[Any], Any], predict: Callable[[list[Any]], Walk[Prediction]]
) -> Walk[list[Outcome]]:
    """Predict a chunk; what fails costs the images that it is about, and no others.

    Args:
        items: single images of any kind.
        load: one of them -> pixels (1, H, W, C).
        predict: pixels of several -> the walk that predicts them.

    Returns:
        For each item its prediction, of one image, or what failed.
    """
    results: list[Outcome | None] = [None] * len(items)
    loaded = []
    for at, item in enumerate(items):
        try:
            loaded.append((at, load(item)[0]))
        except PhasekeyError as error:
            results[at] = error
    if loaded:
        places = [at for at, _ in loaded]
        try:
            prediction: Prediction | None = yield from predict([pixels for _, pixels in loaded])
            failure = None
        except PhasekeyError as error:
            failure, prediction = error, getattr(error, "partial", None)
        for at in places:
            results[at] = failure
        if prediction is not None:
            for number, one in zip(prediction.images, prediction.split(), strict=True):
                results[places[number]] = one
    return [result for result in results if result is not None]


def sorted_out(results: Iterable[Outcome], on_error: OnError) -> Iterator[Any]:
    """What a stream yields of these outcomes.

    Raises:
        PhasekeyError: the first failure, where on_error is ``"raise"``.
    """
    for result in results:
        if isinstance(result, Prediction) or on_error == "return":
            yield result
        elif on_error == "raise":
            raise result
