"""Every method but inference: is it there, what has it, how did it do, load this."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from google.protobuf.message import Message

from cloud_runtime.errors import (
    CloudRuntimeError,
    ForbiddenError,
    InvalidInputError,
    ModelNotFoundError,
    NotServingError,
    RequestError,
)
from cloud_runtime.lifecycle import Lifecycle
from cloud_runtime.repository.models import READY, ModelRepository
from cloud_runtime.safety.clients import Client
from cloud_runtime.serving.processor import Processor
from cloud_runtime.serving.statistics import Totals
from phasekey import __version__
from phasekey.bundle.tensors import TensorSpec
from phasekey.wire import model_config_pb2 as config_pb
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire import triton_extensions_pb2 as triton
from phasekey.wire.tensors import datatype_of

_PLATFORM = "onnxruntime_onnx"
_EXTENSIONS = ("model_configuration", "model_repository", "parameters", "statistics")

Handler = Callable[[Any, Client], Message]
_logger = logging.getLogger(__name__)


class ControlService:
    """Answers the methods that run no graph. Raises RequestError where the client is at fault.

    Args:
        repository: the models.
        lifecycle: whether the server is ready.
        explicit: whether clients that are operators may load and unload.
    """

    def __init__(self, repository: ModelRepository, lifecycle: Lifecycle, *, explicit: bool) -> None:
        self._repository, self._lifecycle, self._explicit = repository, lifecycle, explicit

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """The methods by their names on the wire."""
        return MappingProxyType(
            {
                "ServerLive": self.server_live,
                "ServerReady": self.server_ready,
                "ModelReady": self.model_ready,
                "ServerMetadata": self.server_metadata,
                "ModelMetadata": self.model_metadata,
                "ModelConfig": self.model_config,
                "ModelStatistics": self.model_statistics,
                "RepositoryIndex": self.repository_index,
                "RepositoryModelLoad": self.load,
                "RepositoryModelUnload": self.unload,
            }
        )

    def server_live(self, _: pb.ServerLiveRequest, __: Client) -> pb.ServerLiveResponse:
        """Say that the process answers."""
        return pb.ServerLiveResponse(live=True)

    def server_ready(self, _: pb.ServerReadyRequest, __: Client) -> pb.ServerReadyResponse:
        """Say whether requests are welcome: not before models are loaded, not while draining."""
        return pb.ServerReadyResponse(ready=self._lifecycle.ready)

    def model_ready(self, request: pb.ModelReadyRequest, _: Client) -> pb.ModelReadyResponse:
        """Say whether a model is served here; as Triton does, an unknown one is not ready, and no error."""
        try:
            self._repository.find(request.name, request.version)
        except ModelNotFoundError:
            return pb.ModelReadyResponse(ready=False)
        return pb.ModelReadyResponse(ready=self._lifecycle.ready)

    def server_metadata(self, _: pb.ServerMetadataRequest, __: Client) -> pb.ServerMetadataResponse:
        """Name the server, its version and the protocol's extensions that it has."""
        return pb.ServerMetadataResponse(name="phasekey", version=__version__, extensions=_EXTENSIONS)

    def model_metadata(self, request: pb.ModelMetadataRequest, _: Client) -> pb.ModelMetadataResponse:
        """Describe a model's inputs and outputs."""
        model = self._repository.find(request.name, request.version)
        return pb.ModelMetadataResponse(
            name=model.name,
            versions=self._repository.versions(model.name),
            platform=_PLATFORM,
            inputs=_describe(model.signature.inputs),
            outputs=_describe(model.signature.outputs),
        )

    def model_config(self, request: triton.ModelConfigRequest, _: Client) -> triton.ModelConfigResponse:
        """Give a model's configuration, filled in from the graph where the file leaves things open."""
        return triton.ModelConfigResponse(
            config=_complete(self._repository.find(request.name, request.version))
        )

    def model_statistics(
        self, request: triton.ModelStatisticsRequest, _: Client
    ) -> triton.ModelStatisticsResponse:
        """Tell what was served, of one model or of all."""
        if request.name:
            self._repository.find(request.name, request.version)
        response = triton.ModelStatisticsResponse()
        for name, version, totals in self._repository.statistics:
            if request.name in ("", name) and request.version in ("", version):
                response.model_stats.append(_count(name, version, totals))
        return response

    def repository_index(
        self, request: triton.RepositoryIndexRequest, _: Client
    ) -> triton.RepositoryIndexResponse:
        """List the repository's models, loaded or not."""
        if request.repository_name:
            raise InvalidInputError("This server has one repository; leave repository_name empty.")
        response = triton.RepositoryIndexResponse()
        for entry in self._repository.index():
            if not request.ready or entry.state == READY:
                response.models.add(
                    name=entry.name, version=entry.version, state=entry.state, reason=entry.reason
                )
        return response

    def load(
        self, request: triton.RepositoryModelLoadRequest, client: Client
    ) -> triton.RepositoryModelLoadResponse:
        """Load a model, or load it anew."""
        self._require_operator(client)
        if request.parameters:
            raise InvalidInputError("Loading takes no parameters here: put the model into the repository.")
        try:
            self._repository.load(request.model_name)
        except RequestError:
            raise
        except CloudRuntimeError as error:
            _logger.error("loading %s failed: %s", request.model_name, error)
            raise NotServingError(
                f"Model {request.model_name!r} could not be loaded; the server's log says why."
            ) from error
        return triton.RepositoryModelLoadResponse()

    def unload(
        self, request: triton.RepositoryModelUnloadRequest, client: Client
    ) -> triton.RepositoryModelUnloadResponse:
        """Take a model out of service; what is under way finishes."""
        self._require_operator(client)
        self._repository.unload(request.model_name)
        return triton.RepositoryModelUnloadResponse()

    def _require_operator(self, client: Client) -> None:
        if not self._explicit:
            raise NotServingError("Models are loaded at the start here; start with --model-control explicit.")
        if not client.operator:
            raise ForbiddenError("Only operators may load and unload models.")


def _describe(specs: Iterable[TensorSpec]) -> list[pb.ModelMetadataResponse.TensorMetadata]:
    return [
        pb.ModelMetadataResponse.TensorMetadata(
            name=spec.name, datatype=datatype_of(spec.dtype), shape=_sizes(spec.shape)
        )
        for spec in specs
    ]


def _sizes(shape: Iterable[int | None]) -> list[int]:
    return [-1 if size is None else size for size in shape]


def _complete(model: Processor) -> config_pb.ModelConfig:
    config = config_pb.ModelConfig()
    config.CopyFrom(model.files.config)
    config.name, config.platform = model.name, _PLATFORM
    skip = 1 if model.signature.max_batch_size else 0
    del config.input[:], config.output[:]
    for spec in model.signature.inputs:
        config.input.add(name=spec.name, data_type=_data_type(spec), dims=_sizes(spec.shape[skip:]))
    for spec in model.signature.outputs:
        config.output.add(name=spec.name, data_type=_data_type(spec), dims=_sizes(spec.shape[skip:]))
    return config


def _data_type(spec: TensorSpec) -> Any:  # what protobuf's stubs call an enum's value differs
    return config_pb.DataType.Value(f"TYPE_{datatype_of(spec.dtype)}")


def _count(name: str, version: str, totals: Totals) -> triton.ModelStatistics:
    stages, done = totals.stages, totals.successes
    inference = triton.InferStatistics(
        success=_duration(done, stages["request"]),
        fail=_duration(totals.failures.total(), totals.failure_ns),
        queue=_duration(done, stages["queue"]),
        compute_input=_duration(done, stages["compute_input"]),
        compute_infer=_duration(done, stages["compute_infer"]),
        compute_output=_duration(done, stages["compute_output"]),
    )
    statistics = triton.ModelStatistics(
        name=name,
        version=version,
        last_inference=totals.last_inference_ms,
        inference_count=totals.samples,
        execution_count=sum(run.count for run in totals.runs.values()),
        inference_stats=inference,
    )
    for size, run in sorted(totals.runs.items()):
        statistics.batch_stats.add(
            batch_size=size,
            compute_input=_duration(run.count, run.compute_input),
            compute_infer=_duration(run.count, run.compute_infer),
            compute_output=_duration(run.count, run.compute_output),
        )
    return statistics


def _duration(count: int, nanoseconds: int) -> triton.StatisticDuration:
    return triton.StatisticDuration(count=count, ns=nanoseconds)
