"""Which models are loaded. Loading and unloading leave requests that are under way alone.

A request holds the Processor that it found; a new version takes its place in the table at once, and the old
session goes when the last request lets go of it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cloud_runtime.errors import CloudRuntimeError, ModelNotFoundError
from cloud_runtime.repository.files import (
    ModelFiles,
    list_models,
    read_model,
    read_repository,
)
from cloud_runtime.serving.processor import Processor, RunOptions
from cloud_runtime.serving.statistics import StatisticsBook
from phasekey.bundle import UNPROVED, privacy_sentence, state_of
from phasekey.bundle.metadata import AUDIT, BUNDLE_ID, PROOF

READY, UNAVAILABLE, LOADING = "READY", "UNAVAILABLE", "LOADING"  # Triton's words
_UNLOADED, _FAILED = "unloaded", "failed to load; the server's log says why"

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class IndexEntry:
    """One line of the repository's index; version and state are empty for a model never loaded."""

    name: str
    version: str
    state: str
    reason: str = ""


class ModelRepository:
    """The models of one folder, loaded or not. Safe to use from many threads.

    Args:
        root: the folder.
        options: how graphs run.
    """

    def __init__(self, root: Path, options: RunOptions = RunOptions()) -> None:  # noqa: B008 - frozen
        self._root, self._options = root, options
        self._loading = threading.Lock()
        # Replaced whole at every change, so that reading needs no lock.
        self._models: Mapping[str, dict[str, Processor]] = {}
        self._states: dict[str, IndexEntry] = {}
        self.statistics = StatisticsBook()
        self.largest_request: int | None = None

    def load_all(self) -> None:
        """Load every model of the folder.

        Raises:
            CloudRuntimeError: the repository or one of its models is not in order; the text names it.
        """
        files = read_repository(self._root)
        for name in dict.fromkeys(item.name for item in files):
            self._put(name, [item for item in files if item.name == name])

    def load(self, name: str) -> None:
        """Load a model, or load it anew: its old versions serve until the new ones are warm.

        Raises:
            ModelNotFoundError: the repository has no such folder.
            CloudRuntimeError: it is not in order; what was served before goes on being served.
        """
        if name not in list_models(self._root):
            raise ModelNotFoundError(f"The repository holds no model {name!r}.")
        with self._loading:
            self._states[name] = IndexEntry(name, "", LOADING)
            try:
                self._put(name, list(read_model(self._root, name)))
            except CloudRuntimeError:
                self._states[name] = IndexEntry(name, "", UNAVAILABLE, _FAILED)
                raise

    def unload(self, name: str) -> None:
        """Take a model out of service; requests that are under way finish.

        Raises:
            ModelNotFoundError: no such model is loaded.
        """
        with self._loading:
            if name not in self._models:
                raise ModelNotFoundError(f"Model {name!r} is not loaded.")
            self._models = {key: versions for key, versions in self._models.items() if key != name}
            self._states[name] = IndexEntry(name, "", UNAVAILABLE, _UNLOADED)
        _logger.info("unloaded model %s", name)

    def find(self, name: str, version: str = "") -> Processor:
        """Return a loaded model; without a version the highest.

        Raises:
            ModelNotFoundError: not served here.
        """
        versions = self._models.get(name)
        if versions is None:
            raise ModelNotFoundError(f"Model {name!r} is not served here; served: {', '.join(self._models)}.")
        if not version:
            return versions[next(reversed(versions))]
        if version not in versions:
            raise ModelNotFoundError(
                f"Model {name!r} has no version {version!r} here; served is {', '.join(map(repr, versions))}."
            )
        return versions[version]

    def versions(self, name: str) -> tuple[str, ...]:
        """Return the loaded versions of a model, ascending."""
        return tuple(self._models.get(name, {}))

    @property
    def names(self) -> tuple[str, ...]:
        """The loaded models' names."""
        return tuple(sorted(self._models))

    @property
    def processors(self) -> tuple[Processor, ...]:
        """Every loaded version."""
        return tuple(model for versions in self._models.values() for model in versions.values())

    def index(self) -> tuple[IndexEntry, ...]:
        """List every model of the folder and every one loaded, with its state."""
        models, entries = self._models, []
        for name in sorted({*list_models(self._root), *models}):
            entries += [IndexEntry(name, version, READY) for version in models.get(name, {})]
            if name not in models:
                entries.append(self._states.get(name, IndexEntry(name, "", "")))
        return tuple(entries)

    def _put(self, name: str, files: list[ModelFiles]) -> None:
        present = self._models.get(name, {})
        versions = {str(item.version): self._make(item, present.get(str(item.version))) for item in files}
        self._models = {**self._models, name: versions}
        self._states.pop(name, None)

    def _make(self, files: ModelFiles, present: Processor | None) -> Processor:
        """Load a version, unless the very same is loaded already."""
        if present is not None and (present.files.sha256, present.files.config) == (
            files.sha256,
            files.config,
        ):
            return present
        statistics = self.statistics.of(files.name, str(files.version))
        processor = Processor(files, self._options, statistics)
        self._check_size(processor)
        processor.warm_up()
        _logger.info("loaded model %s version %s", files.name, files.version)
        _warn(files)
        return processor

    def _check_size(self, processor: Processor) -> None:
        needed = processor.signature.largest_request()
        if self.largest_request is not None and (needed or 0) > self.largest_request:
            raise CloudRuntimeError(
                f"Model {processor.name!r} takes requests of {needed} bytes, this server was started for "
                f"{self.largest_request}: start it again with a larger --max-message-mib."
            )


def _warn(files: ModelFiles) -> None:
    """Say what nobody should overlook: no proof, no audit, an audit that found it open."""
    if files.parameter(PROOF) == "unproved":
        _logger.warning("%s: %s", files.name, UNPROVED)
    if files.parameter(BUNDLE_ID) is None:  # a plain repository's model hides nothing
        return
    sentence = privacy_sentence(state_of(files.parameter(AUDIT)))
    if sentence is not None:
        _logger.warning("%s: %s", files.name, sentence)
