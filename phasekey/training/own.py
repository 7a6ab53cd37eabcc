"""A network of one's own as training takes it: held to the data, and described so that it can be rebuilt."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import torch
from torch import Tensor, nn

from phasekey.model import SplitNetwork
from phasekey.model.heads import BOTTLENECKS
from phasekey.model.plain import to_plain
from phasekey.training.checkpoint import rebuild
from phasekey.training.data.dataset import ImageDataset
from phasekey.training.errors import TrainingError


@dataclass(frozen=True)
class OwnNetwork:
    """A network, and the architecture by which a checkpoint builds it again."""

    network: SplitNetwork
    architecture: dict[str, Any]


def own_network(network: SplitNetwork, dataset: ImageDataset) -> OwnNetwork:
    """Describe a network and hold it to a data set.

    Raises TrainingError where the two do not fit, or the network is no longer what its description says:
    a checkpoint could not build it again.
    """
    if not isinstance(network, SplitNetwork):
        raise TrainingError(
            f"fit takes a SplitNetwork, but got a {type(network).__name__}: make one with "
            "phasekey.model.split.split(model, ...)"
        )
    _require_fit(network, dataset)
    architecture = _architecture(network, len(dataset.classes))
    _require_described(network, architecture)
    return OwnNetwork(network, architecture)


def _architecture(network: SplitNetwork, classes: int) -> dict[str, Any]:
    return {
        "arch": network.architecture.name, "variant": None, "form": network.form, "gamma": network.gamma,
        "head": network.head, "width": width_of(network), "decoy": network.decoy, "classes": classes,
        "secret": network.secret, "components": network.components, "sigma": network.sigma,
        "task": network.task, "image": network.image, "description": to_plain(network.architecture),
    }  # fmt: skip


def width_of(network: SplitNetwork) -> int | None:
    """Values of a bottleneck's feature; None for other heads."""
    return network.feature_shape[0] if network.head in BOTTLENECKS else None


def layers_identity(architecture: Mapping[str, Any]) -> dict[str, str]:
    """What tells one description from another, in few words; nothing for a network that has a name."""
    if "description" not in architecture:
        return {}
    text = json.dumps(architecture["description"], sort_keys=True)
    return {"layers": f"sha256 {sha256(text.encode()).hexdigest()[:12]}"}


def _require_fit(network: SplitNetwork, dataset: ImageDataset) -> None:
    last = list(network.decoder)[-1]
    outputs = last.out_features if isinstance(last, nn.Linear) else 0
    for what, ours, theirs in (
        ("takes images (channels, height, width)", network.image, dataset.image_shape),
        ("tells classes", outputs, len(dataset.classes)),
        ("has the task", network.task, dataset.task),
    ):
        if ours != theirs:
            raise TrainingError(
                f"the network {what} {ours}, but data {dataset.name!r} has {theirs}: split it for this data, "
                "or give other data"
            )


def _require_described(network: SplitNetwork, architecture: dict[str, Any]) -> None:
    with torch.device("meta"):  # shapes without the work
        wanted = _shapes(rebuild(architecture).state_dict())
    found = _shapes(network.state_dict())
    differing = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    if differing:
        raise TrainingError(
            f"the network was changed after it was built ({differing[0]} is not as its description says), so "
            "a checkpoint could not build it again: change the model before it is split"
        )


def _shapes(state: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items()}
