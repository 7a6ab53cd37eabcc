"""Reading a model repository from disk. No graph is loaded here.

The layout is Triton's, so the same folder can be given to Triton::

    REPOSITORY/NAME/config.pbtxt
    REPOSITORY/NAME/1/model.onnx

Which versions are served, the configuration's ``version_policy`` says; by default the highest number alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format

from cloud_runtime.errors import CloudRuntimeError
from phasekey.bundle.checksums import sha256_of_file
from phasekey.bundle.metadata import SHA256
from phasekey.wire.model_config_pb2 import ModelConfig

_CONFIG_FILE = "config.pbtxt"
_GRAPH_FILE = "model.onnx"
_PLATFORM, _BACKEND = "onnxruntime_onnx", "onnxruntime"


@dataclass(frozen=True)
class ModelFiles:
    """One version of a model as it lies in the repository: its graph file and configuration."""

    name: str
    version: int
    graph: Path
    config: ModelConfig
    sha256: str

    def parameter(self, key: str) -> str | None:
        """Return a parameter of the configuration, or None where it has none of this name."""
        return self.config.parameters[key].string_value if key in self.config.parameters else None


def list_models(root: Path) -> tuple[str, ...]:
    """Name every model's folder of a repository.

    Raises:
        CloudRuntimeError: no such folder.
    """
    try:
        return tuple(
            sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
        )
    except OSError as error:
        raise CloudRuntimeError(
            f"Model repository {root} cannot be read ({error.strerror}): give the folder that holds one "
            "folder for each model, e.g. build/digits/cloud."
        ) from error


def read_repository(root: Path) -> tuple[ModelFiles, ...]:
    """Find the versions to serve of every model of a repository, by name, and check their files.

    Raises:
        CloudRuntimeError: no such folder, no model in it, or a model that is incomplete or damaged (named).
    """
    names = list_models(root)
    if not names:
        raise CloudRuntimeError(
            f"Model repository {root} holds no model: expected NAME/{_CONFIG_FILE} and NAME/1/{_GRAPH_FILE}."
        )
    return tuple(files for name in names for files in read_model(root, name))


def read_model(root: Path, name: str) -> tuple[ModelFiles, ...]:
    """Find the versions to serve of one model, ascending, and check their files.

    Raises:
        CloudRuntimeError: no such model, or one that is incomplete or damaged.
    """
    if name not in list_models(root):  # so that a name can never lead out of the folder
        raise CloudRuntimeError(f"Model {name!r}: there is no such folder in {root}.")
    folder = root / name
    config = _read_config(folder)
    versions = _choose_versions(folder, config)
    return tuple(_read_version(folder, version, config) for version in versions)


def _read_version(folder: Path, version: int, config: ModelConfig) -> ModelFiles:
    graph = folder / str(version) / (config.default_model_filename or _GRAPH_FILE)
    try:
        model = ModelFiles(folder.name, version, graph, config, sha256_of_file(graph))
    except OSError as error:
        raise CloudRuntimeError(
            f"Model {folder.name!r}: {graph} cannot be read ({error.strerror})."
        ) from error
    _verify_checksum(model)
    return model


def _read_config(folder: Path) -> ModelConfig:
    path = folder / _CONFIG_FILE
    try:
        config = text_format.Parse(path.read_text(encoding="utf-8"), ModelConfig())
    except OSError as error:
        raise CloudRuntimeError(
            f"Model {folder.name!r}: {path} cannot be read ({error.strerror}). Each folder of a model "
            f"repository needs a {_CONFIG_FILE}."
        ) from error
    except (UnicodeDecodeError, text_format.ParseError) as error:
        raise CloudRuntimeError(
            f"Model {folder.name!r}: {path} is not a model configuration in protobuf text format: {error}."
        ) from error
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


def _choose_versions(folder: Path, config: ModelConfig) -> list[int]:
    """Apply the version policy to the numbered folders; versions ascend."""
    found = sorted(
        int(path.name)
        for path in folder.iterdir()
        if path.is_dir() and path.name.isascii() and path.name.isdigit() and path.name[0] != "0"
    )
    if not found:
        raise CloudRuntimeError(
            f"Model {folder.name!r} has no version: expected a numbered folder, {folder / '1' / _GRAPH_FILE}."
        )
    policy = config.version_policy
    if policy.WhichOneof("policy_choice") == "all":
        return found
    if policy.WhichOneof("policy_choice") == "specific":
        return _specific(folder, found, sorted(set(policy.specific.versions)))
    return found[-(policy.latest.num_versions or 1) :]


def _specific(folder: Path, found: list[int], wanted: list[int]) -> list[int]:
    if missing := [version for version in wanted if version not in found]:
        raise CloudRuntimeError(
            f"Model {folder.name!r}: its version policy names {missing}, the folder has {found}."
        )
    return wanted


def _verify_checksum(model: ModelFiles) -> None:
    """Compare with ``phasekey.sha256.VERSION`` or, as exports write it for their one, ``phasekey.sha256``."""
    expected = model.parameter(f"{SHA256}.{model.version}") or model.parameter(SHA256)
    if expected is not None and model.sha256 != expected:
        raise CloudRuntimeError(
            f"Model {model.name!r}: {model.graph} is not the file that was exported (SHA-256 {model.sha256}, "
            f"{_CONFIG_FILE} says {expected}). Copy the export again, or export again."
        )
