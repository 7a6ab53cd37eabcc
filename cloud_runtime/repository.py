"""Reading a model repository from disk. No graph is loaded here.

The layout is Triton's, so the same folder can be given to Triton::

    REPOSITORY/NAME/config.pbtxt
    REPOSITORY/NAME/1/model.onnx

The highest numbered version of each model is served.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.model_config import parse_model_config
from phasekey.bundle.checksums import sha256_of_file
from phasekey.wire.model_config_pb2 import ModelConfig

BUNDLE_ID = "phasekey.bundle_id"
SHA256 = "phasekey.sha256"
PROOF = "phasekey.proof"

_CONFIG_FILE = "config.pbtxt"
_GRAPH_FILE = "model.onnx"
_PLATFORM, _BACKEND = "onnxruntime_onnx", "onnxruntime"


@dataclass(frozen=True)
class ModelFiles:
    """One model as it lies in the repository: its name, highest version, graph file and configuration."""

    name: str
    version: int
    graph: Path
    config: ModelConfig

    def parameter(self, key: str) -> str | None:
        """Return a parameter of the configuration, or None where it has none of this name."""
        return self.config.parameters[key].string_value if key in self.config.parameters else None


def read_repository(root: Path) -> tuple[ModelFiles, ...]:
    """Find every model of a repository, by name, and check its files.

    Raises:
        CloudRuntimeError: no such folder, no model in it, or a model that is incomplete or damaged (named).
    """
    try:
        folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise CloudRuntimeError(
            f"Model repository {root} cannot be read ({error.strerror}): give the folder that holds one "
            "folder for each model, e.g. build/digits/cloud."
        ) from error
    if not folders:
        raise CloudRuntimeError(
            f"Model repository {root} holds no model: expected NAME/{_CONFIG_FILE} and NAME/1/{_GRAPH_FILE}."
        )
    return tuple(_read_model(folder) for folder in folders)


def _read_model(folder: Path) -> ModelFiles:
    config = _read_config(folder)
    version = _highest_version(folder)
    graph = folder / str(version) / (config.default_model_filename or _GRAPH_FILE)
    model = ModelFiles(folder.name, version, graph, config)
    _verify_checksum(model)
    return model


def _read_config(folder: Path) -> ModelConfig:
    path = folder / _CONFIG_FILE
    try:
        config = parse_model_config(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CloudRuntimeError(
            f"Model {folder.name!r}: {path} cannot be read ({error.strerror}). Each folder of a model "
            f"repository needs a {_CONFIG_FILE}."
        ) from error
    except UnicodeDecodeError as error:
        raise CloudRuntimeError(
            f"Model {folder.name!r}: {path} is not a model configuration, not even text."
        ) from error
    except CloudRuntimeError as error:
        raise CloudRuntimeError(f"Model {folder.name!r}: {path} is {error}.") from error
    _check_config(folder, config)
    return config


def _check_config(folder: Path, config: ModelConfig) -> None:
    if config.name not in ("", folder.name):
        raise CloudRuntimeError(
            f"Model {folder.name!r}: its {_CONFIG_FILE} is of {config.name!r}; folder and name must agree."
        )
    if config.platform not in ("", _PLATFORM) or config.backend not in ("", _BACKEND):
        raise CloudRuntimeError(
            f"Model {folder.name!r} is for {config.platform or config.backend!r}; this server runs ONNX "
            f"graphs (platform {_PLATFORM!r} or backend {_BACKEND!r})."
        )
    if config.max_batch_size < 0:
        raise CloudRuntimeError(
            f"Model {folder.name!r}: max_batch_size must be 0 or more, not {config.max_batch_size}."
        )


def _highest_version(folder: Path) -> int:
    versions = [
        int(path.name)
        for path in folder.iterdir()
        if path.is_dir() and path.name.isascii() and path.name.isdigit() and path.name[0] != "0"
    ]
    if not versions:
        raise CloudRuntimeError(
            f"Model {folder.name!r} has no version: expected a numbered folder, {folder / '1' / _GRAPH_FILE}."
        )
    return max(versions)


def _verify_checksum(model: ModelFiles) -> None:
    try:
        found = sha256_of_file(model.graph)
    except OSError as error:
        raise CloudRuntimeError(
            f"Model {model.name!r}: {model.graph} cannot be read ({error.strerror})."
        ) from error
    expected = model.parameter(SHA256)
    if expected is not None and found != expected:
        raise CloudRuntimeError(
            f"Model {model.name!r}: {model.graph} is not the file that was exported (SHA-256 {found}, "
            f"{_CONFIG_FILE} says {expected}). Copy the export again, or export again."
        )
