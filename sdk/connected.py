"""What both clients have in common: a device, settings of its network, and walks that use them."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

import numpy as np

from edge_runtime.images import Images
from sdk.core.breaker import Breaker
from sdk.core.local import LocalProcessing
from sdk.core.message_size import largest_reply, largest_request
from sdk.core.steps import UNCHECKED, Check, Walk, or_locally
from sdk.core.streaming import Outcome, outcomes
from sdk.device import Device, DeviceOptions
from sdk.errors import ClientClosed, ConfigurationError
from sdk.prediction import Prediction, Traffic
from sdk.transport import ClientConfig, Settings
from sdk.transport.leases import check_process

if TYPE_CHECKING:
    import grpc

Array = np.ndarray[Any, np.dtype[Any]]
_Result = TypeVar("_Result")


class ClientOptions(DeviceOptions, Settings, total=False):
    """All keywords of a client beside its own few: those of Device and the fields of ClientConfig."""


class Connected(Device):
    """A device with a way to the cloud; ``EdgeClient`` and ``AsyncEdgeClient`` add the waiting."""

    @staticmethod
    @abstractmethod
    def _transport_class() -> type[Any]:
        """The transport that ``target`` is given to."""

    def __init__(
        self,
        bundle: str | os.PathLike[str],
        target: str | Sequence[str] | None = None,
        *,
        transport: Any = None,
        credentials: grpc.ChannelCredentials | None = None,
        config: ClientConfig | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        given: dict[str, Any] = dict(options)
        device = {name: given.pop(name) for name in DeviceOptions.__annotations__ if name in given}
        if target is not None:
            given["targets"] = target
        self._config = (config or ClientConfig()).updated(given)
        if (not self._config.targets) == (transport is None):
            raise ConfigurationError("Give either target='HOST:PORT' or transport=, one of the two.")
        if transport is not None and credentials is not None:
            raise ConfigurationError(
                "credentials= goes with target=; a transport of your own brings its own."
            )
        super().__init__(bundle, batch_size=self._config.batch_size, **device)
        self._local = (
            LocalProcessing(self._folder, self._manifest) if self._config.on_unavailable == "local" else None
        )
        self._breaker = Breaker(self._config.breaker_failures, self._config.breaker_pause)
        if transport is None:
            transport = self._transport_class()(
                self._config.targets,
                self._manifest.model_name,
                credentials=credentials,
                max_request_bytes=largest_request(self._manifest, self._batch_size),
                max_reply_bytes=largest_reply(self._manifest, self._batch_size),
                config=self._config,
            )
        self._transport = transport
        self._checked = self._closed = False

    @property
    def config(self) -> ClientConfig:
        """The settings of the network."""
        return self._config

    @property
    def traffic(self) -> Traffic:
        """Images predicted so far, and the bytes of messages that it took."""
        return Traffic(self._images, self._transport.bytes_up, self._transport.bytes_down)

    @property
    def _send(self) -> Any:
        """x -> h, or an Answer."""
        return getattr(self._transport, "exchange", None) or self._transport.infer

    def _connecting(self) -> Walk[None]:
        """Check, before the first x is sent, that the server's model is this bundle's other half.

        Threads that come first all at once each ask, and none waits for another: a lock held over the
        network would let the last of six wait six times as long.
        """
        check_process(self._process)
        if self._closed:
            raise ClientClosed("The client is closed. Make a new one.")
        if not self._checked:
            self._checked = (yield Check()) is not UNCHECKED

    def _predicting(
        self, images: Images, *, crowd: bool = False, film: int | None = None
    ) -> Walk[Prediction]:
        batch = self._load(images)
        yield from self._connecting()
        taken = self._rows.reserve_crowd(batch) if crowd else self._rows.reserve(batch, film)
        return (yield from self._walk(batch, taken))

    def _outcomes(self, items: Sequence[Any]) -> Walk[list[Outcome]]:
        def predicting(pixels: list[Array]) -> Walk[Prediction]:
            return self._guarded(self._predicting(pixels[0][None] if len(pixels) == 1 else np.stack(pixels)))

        return outcomes(items, self._load, predicting)

    def _guarded(self, walk: Walk[_Result]) -> Walk[_Result]:
        return walk if self._local is None else or_locally(walk, self._breaker, self._local)
