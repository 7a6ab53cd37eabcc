"""Checkpoints: everything that rebuilds a trained network, as plain values and tensors.

Loading never runs code: torch reads the file with `weights_only=True`, which refuses any other object.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from phasekey.errors import PhasekeyError
from phasekey.files import write_whole
from phasekey.model import SplitNetwork, build_network
from phasekey.model.plain import from_plain
from phasekey.training.errors import TrainingError

CHECKPOINT_VERSION = 1
_PARTS = {"architecture": dict, "labels": list, "config": dict, "facts": dict, "state_dict": dict}


@dataclass(frozen=True)
class Checkpoint:
    """A trained network (on the CPU, in evaluation mode) and what is known of it.

    architecture: arch, variant, form, classes, image (C, H, W), as `build_network` takes them; of a network
    of one's own also `description`, its layers as phasekey.model.plain writes them.
    labels: the class names in the order of the logits. config: the settings of the run.
    facts: epochs done, data, accuracies, versions of the libraries.
    """

    network: SplitNetwork
    architecture: Mapping[str, Any]
    labels: tuple[str, ...]
    config: Mapping[str, Any]
    facts: Mapping[str, Any]


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the file whole or not at all; the same checkpoint gives the same bytes.

    Args:
        path: of the file.
        checkpoint: network and what is known of it.

    Raises:
        TrainingError: where the disk refuses it.
    """
    write_whole(path, checkpoint_bytes(checkpoint), error=TrainingError)


def checkpoint_bytes(checkpoint: Checkpoint) -> memoryview:
    """Make the bytes of a checkpoint's file: the same for the same checkpoint.

    Args:
        checkpoint: network and what is known of it.
    """
    content = {
        "format_version": CHECKPOINT_VERSION,
        "architecture": {**checkpoint.architecture, "image": list(checkpoint.architecture["image"])},
        "labels": list(checkpoint.labels),
        "config": dict(checkpoint.config),
        "facts": dict(checkpoint.facts),
        "state_dict": {name: value.detach().cpu() for name, value in checkpoint.network.state_dict().items()},
    }
    buffer = io.BytesIO()  # torch writes a path's own name into the file, a buffer's not
    torch.save(content, buffer)
    return buffer.getbuffer()


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint and rebuild its network.

    Args:
        path: of the file.

    Returns:
        The checkpoint; one from before there were kinds of secrets is a rotation of two components.

    Raises:
        TrainingError: for a missing file, one that is no checkpoint or is cut short, one of another format
            version, weights that do not fit the network they name, and a network whose decoys would all be
            one.
    """
    return _rebuilt(path, _content(path))


def read_checkpoint(content: bytes, name: str) -> Checkpoint:
    """Read a checkpoint that came as bytes, from anyone: no code of theirs runs.

    Args:
        content: of the file.
        name: to call it in errors.

    Raises:
        TrainingError: as load_checkpoint does.
    """
    return _rebuilt(name, _parsed(name, io.BytesIO(content)))


def _rebuilt(path: Path | str, content: dict[str, Any]) -> Checkpoint:
    labels, architecture = tuple(content["labels"]), dict(content["architecture"])
    try:
        architecture["image"] = tuple(architecture["image"])
        network = rebuild(architecture)
        network.load_state_dict(content["state_dict"])
    # What a file holds is anyone's guess: any failure here means that its parts do not fit.
    except Exception as error:
        reason = f": {error}" if isinstance(error, PhasekeyError) else ""
        raise TrainingError(
            f"the weights in {str(path)!r} do not fit a network of this version{reason}; train it again"
        ) from error
    if len(labels) != architecture["classes"]:
        raise TrainingError(
            f"{str(path)!r} names {len(labels)} labels for {architecture['classes']} classes; train it again"
        )
    if not network.hides:
        raise TrainingError(
            f"the decoys of {str(path)!r} were never fitted, so that all devices would draw one and the "
            "same: train with phasekey.training.fit, or call network.sampler.fit(images) before it is saved"
        )
    return Checkpoint(network.eval(), architecture, labels, content["config"], content["facts"])


def rebuild(architecture: Mapping[str, Any]) -> SplitNetwork:
    """Build the network that a checkpoint's architecture tells of, with new weights.

    Args:
        architecture: as Checkpoint has it.

    Raises:
        ModelError: for a name, a description or a value that makes no network of this version.
    """
    if "description" not in architecture:
        return build_network(**architecture)
    others = {
        name: value for name, value in architecture.items() if name not in ("arch", "variant", "description")
    }
    return SplitNetwork(from_plain(architecture["description"]), **others)


def _content(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise TrainingError(
            f"no checkpoint at {str(path)!r}; `phasekey train --out FOLDER` writes FOLDER/model.pt"
        )
    return _parsed(path, path)


def _parsed(path: Path | str, file: Path | io.BytesIO) -> dict[str, Any]:
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    # torch raises RuntimeError, UnpicklingError, EOFError, KeyError, ... depending on where the file breaks.
    except Exception as error:
        raise TrainingError(
            f"{str(path)!r} is no checkpoint, or is cut short or damaged; "
            "expected the model.pt of `phasekey train`"
        ) from error
    return _checked(path, content)


def _checked(path: Path | str, content: Any) -> dict[str, Any]:
    if not isinstance(content, dict) or "format_version" not in content:
        raise TrainingError(
            f"{str(path)!r} is no Phasekey checkpoint; expected the model.pt of `phasekey train`"
        )
    if content["format_version"] != CHECKPOINT_VERSION:
        raise TrainingError(
            f"{str(path)!r} is of checkpoint format {content['format_version']!r}; this version reads format "
            f"{CHECKPOINT_VERSION}: use the version that wrote it, or train again"
        )
    for key, kind in _PARTS.items():
        if not isinstance(content.get(key), kind):
            raise TrainingError(
                f"{str(path)!r} lacks its part {key!r}; expected the model.pt of `phasekey train`"
            )
    return content
