"""The device's half: a ClientApp that trains on its own images and sends what its weights gained."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flwr.client import NumPyClient
from flwr.client.mod import secaggplus_mod
from flwr.clientapp import ClientApp

from phasekey.federated.local import Terms, local_update
from phasekey.federated.updates import Arrays
from phasekey.model import SplitNetwork
from phasekey.training.data.dataset import Augment, Split


@dataclass(frozen=True)
class Holding:
    """What a device has: a network as the run began with, and images that go nowhere."""

    network: SplitNetwork
    split: Split
    kind: Augment
    seed: int


class Device(NumPyClient):
    """Trains when asked to. It answers no request for its weights and none to be tested.

    Args:
        holding: network and images.
    """

    def __init__(self, holding: Holding) -> None:
        self._holding = holding

    def fit(self, parameters: Arrays, config: dict[str, Any]) -> tuple[Arrays, int, dict[str, Any]]:
        """Answer a round: weights in; change, number of images and no figures out."""
        terms = Terms(
            epochs=int(config["epochs"]),
            batch_size=int(config["batch_size"]),
            lr=float(config["lr"]),
            longest=float(config["longest"]),
            thawed=bool(config["thawed"]),
        )
        held = self._holding
        seed = held.seed * 1_000 + int(config["round"])
        update = local_update(held.network, parameters, held.split, held.kind, terms, seed)
        return update.change, int(update.weight), {}


def device_app(load: Callable[[Any], Holding], *, masked: bool) -> ClientApp:
    """Build the ClientApp of a device.

    Args:
        load: from Flower's context to what the device has.
        masked: take part in secure sums, and in nothing else.
    """
    return ClientApp(
        client_fn=lambda context: Device(load(context)).to_client(), mods=[secaggplus_mod] if masked else []
    )
