"""What a client gives back. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Timings:
    """Seconds that each stage took, summed over the requests of one call.

    Attributes:
        encode: drawing Q and noise, and the encoder's graph, decoys included.
        hide: multiplying by Q and converting for the wire.
        wire: from sending x to having h, without ``cloud``.
        cloud: what the server says that it took; 0 where it says nothing, and ``wire`` holds all.
        decode: revealing and the decoder's graph.
    """

    encode: float = 0.0
    hide: float = 0.0
    wire: float = 0.0
    cloud: float = 0.0
    decode: float = 0.0

    @property
    def total(self) -> float:
        """All stages together."""
        return self.encode + self.hide + self.wire + self.cloud + self.decode

    def __add__(self, other: Timings) -> Timings:
        """Add stage by stage."""
        return Timings(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says: one label for each image, and probabilities (N, classes) float32.

    Where the network tells attributes, of which an image may have any number, a label lists all that are
    likelier than not, with commas, and each probability stands for itself.

    Attributes:
        labels: one for each image.
        probabilities: (N, classes) float32.
        classes: names of the columns.
        timings: what each stage took.
        images: which of the images given these are; all, but for what a failed call had answered before.
        fallen_back: which of the rows this device computed itself, since the cloud could not be reached.
        reason: why it did; None where it did not.
    """

    labels: list[str]
    probabilities: Floats
    classes: tuple[str, ...] = ()
    timings: Timings = field(default_factory=Timings)
    images: tuple[int, ...] = ()
    fallen_back: tuple[int, ...] = ()
    reason: str | None = None

    __hash__ = None  # type: ignore[assignment]  # as of any value that holds an array

    def __eq__(self, other: object) -> bool:
        """Whether labels and probabilities are the same, however long they took."""
        if not isinstance(other, Prediction):
            return NotImplemented
        return self.labels == other.labels and np.array_equal(self.probabilities, other.probabilities)

    def __len__(self) -> int:
        """How many images."""
        return len(self.labels)

    def top(self, k: int = 5) -> list[list[tuple[str, float]]]:
        """The k likeliest classes of each image, likeliest first, with their probabilities."""
        order = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :k]
        return [
            [(self.classes[at], float(row[at])) for at in best]
            for row, best in zip(self.probabilities, order, strict=True)
        ]

    def split(self) -> list[Prediction]:
        """One prediction for each image; each with its even part of the timings."""
        if self.images == (0,):
            return [self]
        part = Timings(
            *(getattr(self.timings, each.name) / max(1, len(self)) for each in fields(self.timings))
        )
        return [
            Prediction(
                [text],
                row[None],
                self.classes,
                part,
                (0,),
                (0,) if at in self.fallen_back else (),
                self.reason,
            )
            for at, (text, row) in enumerate(zip(self.labels, self.probabilities, strict=True))
        ]


@dataclass(frozen=True)
class Traffic:
    """What went over the wire for predictions so far: images, and bytes of messages up and down."""

    images: int
    bytes_up: int
    bytes_down: int


@dataclass(frozen=True)
class ModelInfo:
    """What a bundle is, for people and for apps.

    Attributes:
        name: the processing module's name on servers.
        image: (height, width, channels) of what the encoder takes.
        dtype: ``"uint8"`` or ``"float32"``.
        labels: names of the classes.
        secret: the law of Q, e.g. ``"rotation"``.
        components: k.
        wire: the type of the numbers that travel.
        bytes_up: of the values of x, for one image.
        bytes_down: of the values of h, for one image.
        nats: what one transmission tells at most; None where the bundle states no bound.
        local_fallback: whether the bundle holds the processing graph as well.
        warning: what is to be said of its audit; None where there is nothing.
    """

    name: str
    image: tuple[int, int, int]
    dtype: str
    labels: tuple[str, ...]
    secret: str
    components: int
    wire: str
    bytes_up: int
    bytes_down: int
    nats: float | None
    local_fallback: bool
    warning: str | None
