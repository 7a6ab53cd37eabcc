"""The processing graph: h = Φ(x). Knows neither gRPC nor keys."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.repository import BUNDLE_ID, PROOF, ModelFiles, read_repository
from cloud_runtime.signature import Array, Signature, build_signature
from phasekey.bundle import AUDIT, GRAPH_VERSION, UNPROVED, privacy_sentence, state_of
from phasekey.errors import PhasekeyError
from phasekey.graph_runtime import GraphSession
from phasekey.graph_runtime.session import Device

_ROLE = "phasekey.role"
_FORMAT_VERSION = "phasekey.format_version"

_logger = logging.getLogger(__name__)


class Processor:
    """One served model. Safe to use from several threads at once.

    Args:
        files: the model's files, as read_repository() gives them.
        threads: threads within one run; 0 for every core.
        device: ``"cpu"`` or ``"cuda"``.

    Raises:
        CloudRuntimeError: the graph does not load, or does not agree with its configuration.
    """

    def __init__(self, files: ModelFiles, *, threads: int = 1, device: Device = "cpu") -> None:
        self.name = files.name
        self.version = str(files.version)
        try:
            self._session = GraphSession(files.graph, threads=threads, device=device)
            _check_stamps(files, self._session.metadata)
            self.signature: Signature = build_signature(
                files.config, self._session.inputs, self._session.outputs
            )
        except PhasekeyError as error:
            raise CloudRuntimeError(f"Model {files.name!r}: {error}") from error

    def process(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph once.

        Args:
            inputs: one array for each input, by name; for a processing module ``x``, (N, 2C, H, W).

        Returns:
            One array for each output, by name; for a processing module ``h``, (N, 2D) or (N, 2C, H, W).

        Raises:
            InvalidInputError: an array is not what the model takes.
            GraphError: the run failed although the arrays fit.
        """
        self.signature.check_inputs(inputs)
        return self._session.run(inputs)


def load_processors(repository: Path, *, threads: int = 1, device: Device = "cpu") -> dict[str, Processor]:
    """Load every model of a repository, by name.

    Raises:
        CloudRuntimeError: the repository or one of its models is not in order; the text names it.
    """
    processors = {}
    for files in read_repository(repository):
        processors[files.name] = Processor(files, threads=threads, device=device)
        _logger.info("loaded model %s version %s", files.name, files.version)
        if files.parameter(PROOF) == "unproved":
            _logger.warning("%s: %s", files.name, UNPROVED)
        if files.parameter(BUNDLE_ID) is not None:  # a plain repository's model hides nothing
            _warn_of_privacy(files)
    return processors


def _warn_of_privacy(files: ModelFiles) -> None:
    sentence = privacy_sentence(state_of(files.parameter(AUDIT)))
    if sentence is not None:
        _logger.warning("%s: %s", files.name, sentence)


def _check_stamps(files: ModelFiles, metadata: Mapping[str, str]) -> None:
    """Compare what the export stamped into the graph with what it wrote beside it.

    A graph and a configuration without stamps are a plain repository's, and fine.
    """
    expected, found = files.parameter(BUNDLE_ID), metadata.get(BUNDLE_ID)
    if expected != found:
        raise CloudRuntimeError(
            f"its graph is of bundle {found}, its config.pbtxt of bundle {expected}: they are from different "
            "exports. Copy the whole cloud folder of one export."
        )
    version = metadata.get(_FORMAT_VERSION, str(GRAPH_VERSION))
    if version != str(GRAPH_VERSION):
        raise CloudRuntimeError(
            f"its graph is of format version {version}, this server reads {GRAPH_VERSION}: export it "
            "again with this version of Phasekey, or serve it with the one that exported it."
        )
    role = metadata.get(_ROLE, "processing")
    if role != "processing":
        raise CloudRuntimeError(
            f"its graph is the {role}, which belongs on the device; the cloud serves the processing module."
        )
