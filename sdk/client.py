"""The client for threads: from images to predictions, by way of a cloud that sees x alone."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from edge_runtime.images import Images
from phasekey.errors import PhasekeyError
from sdk.connected import Connected
from sdk.core.steps import Check, Done, Walk, advance
from sdk.core.streaming import OnError, Outcome, check_options, chunks, sorted_out
from sdk.prediction import Prediction
from sdk.session import Film

if TYPE_CHECKING:
    from concurrent.futures import Future

_Result = TypeVar("_Result")


class EdgeClient(Connected):
    """Predicts with a network whose middle runs in a cloud that is not to see the images.

    For each image the device computes a feature and k - 1 decoys, the rows of M, sends X = QM, gets h back
    and decodes row 0 of Qᵀh. The secret matrix Q and the decoys never leave the device. The bundle says of
    which law Q is: of a rotation, X is e^{iθ}(a + ib); a permutation sends the rows in secret order, each as
    a sample. What this hides and what not is told in docs/privacy.md.

    One client may be used from several threads at once, and not in a child of a fork. Use it in a ``with``
    block, or call ``close``.

    Args:
        bundle: an export, or its 'edge' folder.
        target: the server, ``host:port``, or several, which get calls in turn. Give this or ``transport``.
        transport: another way to the cloud, in place of ``target``; closed along with the client.
        credentials: for TLS, e.g. ``grpc.ssl_channel_credentials()``, in place of the settings' files.
        config: settings of the network; keywords of the same names go before it.
        options: ``secret``, ``ephemeral``, ``trusted_key``, ``newer_than``, ``data_folder``, ``keys``,
            ``decoys``, ``budget``, ``store`` and ``resize`` as of Device, and ``timeout``, ``batch_size`` and
            all other fields of ClientConfig.

    Raises:
        SdkError: arguments that do not go together.
        BundleError: no bundle there, or a damaged one.
        EdgeRuntimeError: the bundle's graphs do not load.
    """

    @staticmethod
    def _transport_class() -> type[Any]:
        from sdk.transport.grpc_sync import GrpcTransport  # here: a transport of one's own needs no gRPC

        return GrpcTransport

    def predict(self, images: Images, *, crowd: bool = False) -> Prediction:
        """Predict the class of one or more images.

        Args:
            images: uint8 array (N, H, W, C) or (H, W, C) (float32 in [0, 1] where the manifest says so), a
                tensor of the same shapes, a path, an open file, bytes of a file, a PIL image, or a list of
                single images.
            crowd: let the images of this batch hide each other, k in a group, the last group filled up from
                the archive: at the plain network's cost. It hides whose each image is, not what they show.

        Returns:
            Labels and probabilities; N = 1 for a single image.

        Raises:
            EdgeRuntimeError: an image does not fit or cannot be read; nothing was sent.
            SdkError: no server, another model there, or an answer that does not fit; its kind says which, and
                its ``partial`` holds what was answered before.
            DecoysExhausted: too few decoys are left for all new images; nothing was sent.
            BudgetExhausted: too few nats are left for all new images; nothing was sent.
        """
        return self._run(self._guarded(self._predicting(images, crowd=crowd)))

    @overload
    def predict_stream(
        self, images: Iterable[Any], *, batch: int = 1, on_error: Literal["raise", "skip"] = "raise"
    ) -> Iterator[Prediction]: ...

    @overload
    def predict_stream(
        self, images: Iterable[Any], *, batch: int = 1, on_error: Literal["return"]
    ) -> Iterator[Prediction | PhasekeyError]: ...

    def predict_stream(
        self, images: Iterable[Any], *, batch: int = 1, on_error: OnError = "raise"
    ) -> Iterator[Any]:
        """Predict images as they come, in order, one result for each.

        Encoding, the wire and decoding of different images overlap: ``concurrency`` requests are under way,
        and twice as many are drawn from ``images`` ahead of the results.

        Args:
            images: single images, of any kind that ``predict`` takes; a generator too.
            batch: images in one request. More makes a long job quicker, fewer answers a camera sooner.
            on_error: ``"raise"`` ends the stream at the first image that fails, after all before it;
                ``"skip"`` leaves out those that fail; ``"return"`` yields the error in the image's place.

        Yields:
            A Prediction of one image for each.

        Raises:
            PhasekeyError: as ``predict``, where on_error is ``"raise"``.
        """
        check_options(images, batch, on_error)
        return self._stream(chunks(images, batch), on_error)

    def session(self, frames: int = 1) -> Film:
        """Start a film: its frames are hidden by the frames of one burst each, in one secret order.

        Use it in a ``with`` block: ``with client.session() as film: film.predict(frame)``.

        Args:
            frames: how many the film may have: it takes bursts of at least so many.

        Raises:
            DecoysExhausted: the archive has too few unused bursts.
            SdkError: the bundle's decoys come from no archive.
        """
        number = self._rows.start_film(os.urandom(32), frames)
        return Film(
            lambda images, film: self._run(self._guarded(self._predicting(images, film=film))), number
        )

    def warm_up(self) -> None:
        """Connect, check the server and run both graphs once, so that the first prediction is a quick one.

        No x is sent: one of a made-up image would spend decoys or nats.

        Raises:
            SdkError: no server, or another model there.
        """
        self._run(self._guarded(self._connecting()))
        self._exercise()

    def close(self) -> None:
        """Close the connection; the client is of no use afterwards. May be called twice."""
        self._closed = True
        self._transport.close()
        super().close()

    def __enter__(self) -> EdgeClient:
        """Check the server at once, so that a wrong address shows before any work is done."""
        try:
            self._run(self._guarded(self._connecting()))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _chunk(self, items: list[Any]) -> list[Outcome]:
        return self._run(self._outcomes(items))

    def _run(self, walk: Walk[_Result]) -> _Result:
        step = advance(walk)
        while not isinstance(step, Done):
            try:
                if isinstance(step, Check):
                    outcome: Any = self._transport.check(self._manifest)
                else:
                    outcome = self._send(step.x)
            except BaseException as error:
                outcome = error
            step = advance(walk, outcome)
        return step.result

    def _stream(self, drawn: Iterator[list[Any]], on_error: OnError) -> Iterator[Any]:
        from concurrent.futures import ThreadPoolExecutor  # here: it brings logging along

        workers, window = self._config.concurrency, 2 * self._config.concurrency
        pool = ThreadPoolExecutor(workers, "phasekey-stream")
        pending: deque[Future[list[Outcome]]] = deque()
        try:
            for items in drawn:
                pending.append(pool.submit(self._chunk, items))
                while pending and (len(pending) >= window or pending[0].done()):
                    yield from sorted_out(pending.popleft().result(), on_error)
            while pending:
                yield from sorted_out(pending.popleft().result(), on_error)
        finally:
            # Also where the reader stops or presses Ctrl-C: nothing new is begun, and nobody waits here for
            # what is under way, which ends by its deadline or when the client is closed.
            pool.shutdown(wait=False, cancel_futures=True)
