"""What a client needs of a way to the cloud: x goes out, h comes in. Nothing else is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from phasekey.bundle import Manifest

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Answer:
    """h, and what is known of how it came about.

    Attributes:
        h: (N, kD, …) in the wire's type.
        cloud: seconds that the server says it took; 0 where it says nothing.
        local: why this device computed it itself; None where a server did.
    """

    h: Array
    cloud: float = 0.0
    local: str | None = None


class Transport(Protocol):
    """Carries x to a processing module and h back. Must be safe to use from several threads.

    One that knows more of an answer than h may have ``exchange(x) -> Answer``, which clients then use.
    """

    @property
    def bytes_up(self) -> int:
        """Bytes of the inference requests answered so far, without the connection's own framing."""
        ...

    @property
    def bytes_down(self) -> int:
        """Bytes of the inference replies so far, without the connection's own framing."""
        ...

    def check(self, manifest: Manifest) -> None:
        """Make sure that the other side offers the module that this manifest belongs to.

        Raises:
            SdkError: it does not, or nothing is there.
        """
        ...

    def infer(self, x: Array) -> Array:
        """Send x (N, kC, …) and return h (N, kD, …), both in the wire's type.

        Raises:
            SdkError: no answer, or one that cannot be understood.
        """
        ...

    def close(self) -> None:
        """Let go of connections; may be called twice."""
        ...


class AsyncTransport(Protocol):
    """As Transport, with coroutines; used from one event loop."""

    @property
    def bytes_up(self) -> int:
        """As of Transport."""
        ...

    @property
    def bytes_down(self) -> int:
        """As of Transport."""
        ...

    async def check(self, manifest: Manifest) -> None:
        """As Transport.check."""
        ...

    async def infer(self, x: Array) -> Array:
        """As Transport.infer."""
        ...

    async def close(self) -> None:
        """As Transport.close."""
        ...
