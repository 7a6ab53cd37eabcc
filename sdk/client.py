"""The client: from images to predictions, by way of a cloud that sees x alone. Orchestration only."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt

from edge_runtime import Decoder, Encoder, load_images
from edge_runtime.images import Images
from phasekey.bundle import Manifest, edge_of, format_shape, load_manifest
from sdk.crowd import predict_seats
from sdk.errors import ClientClosed, ConfigurationError, InvalidReply
from sdk.labels import label
from sdk.message_size import images_per_request, largest_reply
from sdk.opening import open_store
from sdk.prediction import Prediction, Traffic
from sdk.privacy import warn_once
from sdk.rows import Rows
from sdk.secrets import DerivedKeys, KeySource, Secrets, hide, reveal
from sdk.session import Film
from sdk.store import Taken
from sdk.transport import GrpcTransport, Transport
from sdk.wire_format import from_wire, to_wire

Array = np.ndarray[Any, np.dtype[Any]]
Floats = npt.NDArray[np.float32]


class EdgeClient:
    """Predicts with a network whose middle runs in a cloud that is not to see the images.

    For each image the device computes a feature and k - 1 decoys, the rows of M, sends X = QM, gets h back
    and decodes row 0 of Qᵀh. The secret matrix Q and the decoys never leave the device. The bundle says of
    which law Q is: of a rotation, X is e^{iθ}(a + ib); a permutation sends the rows in secret order, each as
    a sample. What this hides and what not is told in docs/privacy.md.

    One client may be used from several threads at once. Use it in a ``with`` block, or call ``close``.

    Args:
        bundle: an export, or its 'edge' folder. Where it was never audited, or its audit found it open, a
            PrivacyWarning says so.
        target: the server, ``host:port``. Give this or ``transport``.
        secret: at least 16 random bytes that are this device's own, kept over restarts. Without it a
            client draws a secret for its own life. Then the same image, sent again after a restart, goes
            out under a new Q and new decoys, and from two such x of one image the cloud can compute the
            feature (it lies where the two spans meet). Devices that may send one image twice should keep
            a secret.
        keys: another source of matrices and noise, in place of ``secret``.
        decoys: the archive of private images (``phasekey decoys pack``), for bundles that hide an image among
            others; goes with ``secret``. Each of its images hides one transmission and is then used up; which
            input took which is kept in the same file.
        budget: most nats that all new inputs together may tell the cloud, for bundles that state a bound. A
            repeated input is free.
        store: the file that keeps what is spent, beside a ``secret`` that is kept; ``decoys`` keeps it too.
        transport: another way to the cloud, in place of ``target``; closed along with the client.
        credentials: for TLS, e.g. ``grpc.ssl_channel_credentials()``.
        timeout: seconds that each call to the server may take.
        batch_size: most images that are sent in one request; fewer where their x would exceed 16 MiB.
        resize: scale image files and PIL images to the encoder's size instead of refusing them.

    Raises:
        SdkError: arguments that do not go together.
        BundleError: no bundle there, or a damaged one.
        EdgeRuntimeError: the bundle's graphs do not load.
    """

    def __init__(
        self,
        bundle: str | os.PathLike[str],
        target: str | None = None,
        *,
        secret: bytes | None = None,
        keys: KeySource | None = None,
        decoys: str | os.PathLike[str] | None = None,
        budget: float | None = None,  # nats
        store: str | os.PathLike[str] | None = None,
        transport: Transport | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        timeout: float = 30.0,  # seconds
        batch_size: int = 64,  # images
        resize: bool = False,
    ) -> None:
        _check_arguments(target, transport, credentials, secret, keys)
        _check_numbers(timeout, batch_size)
        folder = edge_of(Path(bundle))
        self._manifest = load_manifest(folder)
        warn_once(self._manifest, stacklevel=2)
        self._keys = (
            DerivedKeys(secret, context=self._manifest.encoder.sha256.encode()) if keys is None else keys
        )
        self._store = open_store(
            self._manifest, secret=secret, keys=keys, decoys=decoys, store=store, budget=budget
        )
        encoder = Encoder(folder, self._manifest)
        self._rows = Rows(self._manifest, encoder, self._keys, self._store, budget)
        self._decoder = Decoder(folder, self._manifest)
        self._batch_size, self._resize = images_per_request(self._manifest, batch_size), resize
        if transport is None:
            transport = GrpcTransport(
                str(target),
                self._manifest.model_name,
                credentials=credentials,
                timeout=timeout,
                max_reply_bytes=largest_reply(self._manifest, self._batch_size),
            )
        self._transport = transport
        self._lock = threading.Lock()
        self._checked = self._closed = False
        self._images = 0

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself: image size, labels, the model's name and training."""
        return self._manifest

    @property
    def keys(self) -> KeySource:
        """The source of matrices and noise. Its repr tells which one it is and shows no secret."""
        return self._keys

    @property
    def traffic(self) -> Traffic:
        """Images predicted so far, and the bytes of messages that it took."""
        return Traffic(self._images, self._transport.bytes_up, self._transport.bytes_down)

    @property
    def spent(self) -> float | None:
        """Nats that all new inputs so far may have told the cloud, over restarts too where a store is kept.

        None where nothing is counted: the bundle states no bound, or there is no budget and no store.
        """
        return self._rows.spent

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

    def session(self, frames: int = 1) -> Film:
        """Start a film: its frames are hidden by the frames of one burst each, in one secret order.

        Use it in a ``with`` block: ``with client.session() as film: film.predict(frame)``.

        Args:
            frames: how many the film may have: it takes bursts of at least so many.

        Raises:
            DecoysExhausted: the archive has too few unused bursts.
            SdkError: the bundle's decoys come from no archive.
        """
        return Film(self._predict_frames, self._rows.start_film(os.urandom(32), frames))

    def predict(self, images: Images, *, crowd: bool = False) -> Prediction:
        """Predict the class of one or more images.

        Args:
            images: uint8 array (N, H, W, C) or (H, W, C) (float32 in [0, 1] where the manifest says so), a
                path, a PIL image, or a list of single images.
            crowd: let the images of this batch hide each other, k in a group, the last group filled up from
                the archive: at the plain network's cost. It hides whose each image is, not what they show.

        Returns:
            Labels and probabilities; N = 1 for a single image.

        Raises:
            EdgeRuntimeError: an image does not fit or cannot be read; nothing was sent.
            SdkError: no server, another model there, or an answer that does not fit.
            DecoysExhausted: too few decoys are left for all new images; nothing was sent.
            BudgetExhausted: too few nats are left for all new images; nothing was sent.
        """
        batch = load_images(images, self._manifest.image, resize=self._resize)
        self._connect()
        reserve = self._rows.reserve_crowd if crowd else self._rows.reserve
        return self._predict(batch, reserve(batch))

    def _predict_frames(self, images: Images, film: int) -> Prediction:
        batch = load_images(images, self._manifest.image, resize=self._resize)
        self._connect()
        return self._predict(batch, self._rows.reserve(batch, film))

    def _predict(self, batch: Array, taken: Sequence[Taken]) -> Prediction:
        """Predict images that are reserved: from here on x leaves the device."""
        probabilities = np.empty((len(batch), len(self._manifest.labels)), np.float32)
        alone = [number for number, each in enumerate(taken) if each.seat is None]
        for start in range(0, len(alone), self._batch_size):
            chunk = alone[start : start + self._batch_size]
            rows, secrets = self._rows.of(batch[chunk], [taken[number] for number in chunk])
            x = hide(rows, secrets.matrix, permuted=self._manifest.secret.permutes)
            probabilities[chunk] = self._decoder.decode(self._process(x, secrets))
            self._count(len(chunk))
        seats = {number: each.seat for number, each in enumerate(taken) if each.seat is not None}
        if seats:
            processed = predict_seats(list(seats.values()), self._rows, self._process, self._batch_size)
            probabilities[list(seats)] = self._decoder.decode(processed)
            self._count(len(seats))
        return Prediction(label(probabilities, self._manifest), probabilities)

    def _process(self, x: Floats, secrets: Secrets, wanted: Sequence[int] = (0,)) -> Floats:
        """Send, receive, reveal: X of N transmissions -> Φ of the wanted rows, (len(wanted)·N, D, …)."""
        manifest, permuted = self._manifest, self._manifest.secret.permutes
        components = 1 if permuted else manifest.secret.components
        answer = self._transport.infer(to_wire(x, manifest.wire, components))
        _check_reply(answer, len(x), manifest)
        h = from_wire(answer, manifest.wire)
        return np.concatenate([reveal(h, secrets.matrix, permuted=permuted, row=row) for row in wanted])

    def _count(self, images: int) -> None:
        with self._lock:
            self._images += images

    def _connect(self) -> None:
        """Check, before the first x is sent, that the server's model is this bundle's other half."""
        with self._lock:
            if self._closed:
                raise ClientClosed("The client is closed. Make a new one.")
            if not self._checked:
                self._transport.check(self._manifest)
                self._checked = True

    def close(self) -> None:
        """Close the connection; the client is of no use afterwards. May be called twice."""
        self._closed = True
        self._transport.close()
        if self._store is not None:
            self._store.close()

    def __enter__(self) -> EdgeClient:
        """Check the server at once, so that a wrong address shows before any work is done."""
        try:
            self._connect()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"EdgeClient({self._manifest.model_name!r}, keys={self._keys!r})"


def _check_arguments(
    target: str | None,
    transport: Transport | None,
    credentials: grpc.ChannelCredentials | None,
    secret: bytes | None,
    keys: KeySource | None,
) -> None:
    if (target is None) == (transport is None):
        raise ConfigurationError("Give either target='HOST:PORT' or transport=, one of the two.")
    if transport is not None and credentials is not None:
        raise ConfigurationError("credentials= goes with target=; a transport of your own brings its own.")
    if secret is not None and keys is not None:
        raise ConfigurationError("Give either secret= or keys=, not both.")


def _check_numbers(timeout: float, batch_size: int) -> None:
    if not (timeout > 0 and math.isfinite(timeout)):
        raise ConfigurationError(f"timeout must be a number of seconds above 0, not {timeout}.")
    if batch_size < 1:
        raise ConfigurationError(f"batch_size must be 1 or more, not {batch_size}.")


def _check_reply(h: Array, count: int, manifest: Manifest) -> None:
    """Check h before it is decoded: the server is not trusted, with this either."""
    spec = manifest.processing.outputs[0]
    shape = (count, *spec.shape[1:])
    if h.dtype != spec.dtype or h.shape != shape:
        raise InvalidReply(
            f"The server answered with {h.dtype} {format_shape(h.shape)}, expected is {spec.dtype} "
            f"{format_shape(shape)}. Is it serving the model of this bundle?"
        )
    if not np.isfinite(h).all():
        raise InvalidReply("The server answered with NaN or infinity: its model is broken. Export it again.")
