"""A film: frames of one scene, sent one after another, each hidden by a frame of each of its bursts."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from edge_runtime.images import Images
from sdk.errors import ClientClosed
from sdk.prediction import Prediction


class Film:
    """Predicts the frames of one film, in the order of the film. Made by ``EdgeClient.session``.

    Args:
        predict: images and the film's number -> what the network says.
        number: the film's, in the store.
    """

    def __init__(self, predict: Callable[[Images, int], Prediction], number: int) -> None:
        self._predict, self._number, self._ended = predict, number, False

    def predict(self, frames: Images) -> Prediction:
        """Predict the next frame, or the next ones in order; images as in ``EdgeClient.predict``.

        Raises:
            DecoysExhausted: the film is longer than its bursts; nothing was sent.
            SdkError: the session has ended, or as ``EdgeClient.predict``.
        """
        if self._ended:
            raise ClientClosed("The session has ended. Start another with client.session().")
        return self._predict(frames, self._number)

    def __enter__(self) -> Film:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended = True
