"""The device's half: an app that trains on its own images and sends what its weights gained."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.client import NumPyClient
from flwr.client.mod import secaggplus_mod
from flwr.clientapp import ClientApp

from phasekey.federated.errors import FederatedError
from phasekey.federated.local import local_update
from phasekey.federated.settings import Terms
from phasekey.federated.updates import Arrays, add
from phasekey.training.checkpoint import Checkpoint, read_checkpoint
from phasekey.training.data.dataset import Augment, Split

MEET = "query.meet"  # type of the message that brings the network
AGREED = "agreed"  # name of its record


@dataclass(frozen=True)
class Holding:
    """What a device has: images that go nowhere, and how it is seeded.

    Attributes:
        split: images and labels, as the network has them.
        kind: of augmentation.
        seed: of order and augmentation.
    """

    split: Split
    kind: Augment
    seed: int


class Device:
    """The app of a device. It trains when asked to, and answers nothing else but that it has the network.

    Args:
        hold: from the network that came to the images that suit it.
        aggregate: how its updates may be put together; a server that would have it another way is refused.
        thawed: the encoder may learn too.
        first: the network that it must be; None believes the first that comes. Later ones must have the
            same layers and labels, and the same encoder unless it is thawed.
    """

    def __init__(
        self,
        hold: Callable[[Checkpoint], Holding],
        aggregate: str,
        *,
        thawed: bool = False,
        first: Checkpoint | None = None,
    ) -> None:
        self._hold, self._aggregate, self._thawed = hold, aggregate, thawed
        self._kind = None if first is None else _kind_of(first, thawed=thawed)
        self._checkpoint: Checkpoint | None = None
        self._holding: Holding | None = None
        mods = [secaggplus_mod] if aggregate == "secagg" else []
        legacy = ClientApp(client_fn=lambda _: _Fit(self).to_client(), mods=mods)
        self._app: Callable[[Message, Context], Message] = self._train if aggregate == "dp" else legacy

    def __call__(self, message: Message, context: Context) -> Message:
        """Answer a message.

        Raises:
            FederatedError: it asks for what this device does not do; nothing was sent.
        """
        if message.metadata.message_type == MEET:
            self._meet(message.content.config_records[AGREED])
            return Message(RecordDict({AGREED: ConfigRecord({"ready": True})}), reply_to=message)
        return self._app(message, context)

    def _meet(self, agreed: Any) -> None:
        if agreed["aggregate"] != self._aggregate:
            raise FederatedError(
                f"the server wants updates as {agreed['aggregate']!r}, but this device gives them as "
                f"{self._aggregate!r} only: start one of the two with the other's --aggregate"
            )
        if agreed["thawed"] and not self._thawed:
            raise FederatedError(
                "the server wants to train the encoder, and this device has no --thaw-encoder"
            )
        checkpoint = read_checkpoint(agreed["checkpoint"], "the server's network")
        kind = _kind_of(checkpoint, thawed=self._thawed)
        if self._kind not in (None, kind):
            raise FederatedError(
                "the server's network is another than this device began with: other layers, labels or encoder"
            )
        self._holding = self._hold(checkpoint)
        self._kind, self._checkpoint = kind, checkpoint

    def _train(self, message: Message, context: Context) -> Message:
        """Answer a round in Flower's newer words: weights, not changes, and each device counts once."""
        if message.metadata.message_type != "train":
            raise FederatedError("this device trains, and does nothing else")
        weights = message.content.array_records["arrays"].to_numpy_ndarrays()
        change, _ = self.fit(weights, message.content.config_records["config"])
        content = {"arrays": ArrayRecord(add(weights, change)), "metrics": MetricRecord({"num-examples": 1})}
        return Message(RecordDict(content), reply_to=message)

    def fit(self, weights: Arrays, config: Any) -> tuple[Arrays, int]:
        """Train as a round's instructions say.

        Returns:
            The change, clipped, and the number of images behind it.

        Raises:
            FederatedError: no network came yet, or training came to no finite numbers.
        """
        if self._checkpoint is None or self._holding is None:
            raise FederatedError("the server asks for training before it has sent the network")
        terms = Terms(
            epochs=int(config["epochs"]),
            batch_size=int(config["batch_size"]),
            lr=float(config["lr"]),
            clip_norm=float(config["clip_norm"]),
            thawed=self._thawed and bool(config["thawed"]),
        )
        held = self._holding
        seed = held.seed * 1_000 + int(config["round"])
        update = local_update(self._checkpoint.network, weights, held.split, held.kind, terms, seed)
        return update.change, int(update.weight)


class _Fit(NumPyClient):
    """How Flower's legacy apps ask: for training alone. It gives no weights and is not tested."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def fit(self, parameters: Arrays, config: dict[str, Any]) -> tuple[Arrays, int, dict[str, Any]]:
        """Answer a round: weights in; change, number of images and no figures out."""
        return *self._device.fit(parameters, config), {}


def _kind_of(checkpoint: Checkpoint, *, thawed: bool) -> tuple[Any, ...]:
    """What of a network may not change between rounds."""
    digest = hashlib.sha256()
    if thawed:
        return repr(sorted(checkpoint.architecture.items())), checkpoint.labels
    for name, value in checkpoint.network.encoder.state_dict().items():
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return repr(sorted(checkpoint.architecture.items())), checkpoint.labels, digest.hexdigest()
