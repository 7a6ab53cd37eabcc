"""What a demo may see and an app never does: the secrets that were drawn, and what went over the wire."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from phasekey.bundle import ROTATION, Manifest, SecretSpec
from sdk import DerivedKeys, Secrets
from sdk.transport.grpc_sync import GrpcTransport

Array = np.ndarray[Any, np.dtype[Any]]


class RecordingKeys:
    """Draws as DerivedKeys does, and keeps what it drew, so that PyTorch can be given the same."""

    def __init__(self) -> None:
        self._keys, self.drawn = DerivedKeys(), list[Secrets]()

    def draw(self, images: Array, noise_size: int, secret: SecretSpec = ROTATION) -> Secrets:
        """Draw matrices and noise for images (N, H, W, C)."""
        drawn = self._keys.draw(images, noise_size, secret)
        self.drawn.append(Secrets(drawn.matrix.copy(), drawn.noise.copy()))  # a client wipes its own
        return drawn

    def matrices(self) -> NDArray[np.float64]:
        """All matrices so far, (N, k, k)."""
        return np.concatenate([secrets.matrix for secrets in self.drawn])

    def noise(self) -> NDArray[np.float32]:
        """The noise of all decoys so far, (N, (k - 1)·Z)."""
        return np.concatenate([secrets.noise for secrets in self.drawn])


class RecordingTransport:
    """Carries x as GrpcTransport does, and keeps each x that went out.

    Args:
        target: the server, ``host:port``.
        manifest: of the bundle.
    """

    def __init__(self, target: str, manifest: Manifest) -> None:
        self._transport, self.sent = GrpcTransport(target, manifest.model_name), list[Array]()

    @property
    def bytes_up(self) -> int:
        """Bytes of the requests answered so far."""
        return self._transport.bytes_up

    @property
    def bytes_down(self) -> int:
        """Bytes of the replies so far."""
        return self._transport.bytes_down

    def check(self, manifest: Manifest) -> None:
        """See GrpcTransport."""
        self._transport.check(manifest)

    def infer(self, x: Array) -> Array:
        """See GrpcTransport."""
        self.sent.append(x.copy())
        return self._transport.infer(x)

    def close(self) -> None:
        """See GrpcTransport."""
        self._transport.close()
