"""The protocol's methods: from a request's message to arrays, and from arrays to the response's message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from google.protobuf.message import Message

from cloud_runtime.errors import InvalidInputError, ModelNotFoundError
from cloud_runtime.processor import Processor
from cloud_runtime.signature import Array
from phasekey import __version__
from phasekey.bundle.tensors import TensorSpec
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.errors import WireError
from phasekey.wire.tensors import datatype_of, read_tensors, write_tensors

# Triton's extensions that change what a tensor means; passing over them would give a wrong answer.
_UNSUPPORTED_PARAMETERS = ("classification", "shared_memory_region")
_PLATFORM = "onnxruntime_onnx"


class InferenceServicer:
    """Answers requests for a set of models. Raises RequestError where the client is at fault."""

    def __init__(self, models: Mapping[str, Processor]) -> None:
        self._models = dict(models)

    @property
    def behaviours(self) -> Mapping[str, Callable[[Any], Message]]:
        """The methods by their names on the wire."""
        return MappingProxyType(
            {
                "ServerLive": self.server_live,
                "ServerReady": self.server_ready,
                "ModelReady": self.model_ready,
                "ServerMetadata": self.server_metadata,
                "ModelMetadata": self.model_metadata,
                "ModelInfer": self.model_infer,
            }
        )

    def server_live(self, _: pb.ServerLiveRequest) -> pb.ServerLiveResponse:
        """Say that the process answers."""
        return pb.ServerLiveResponse(live=True)

    def server_ready(self, _: pb.ServerReadyRequest) -> pb.ServerReadyResponse:
        """Say that every model is loaded; the server does not listen before that."""
        return pb.ServerReadyResponse(ready=True)

    def model_ready(self, request: pb.ModelReadyRequest) -> pb.ModelReadyResponse:
        """Say that a model is served here."""
        self._find(request.name, request.version)
        return pb.ModelReadyResponse(ready=True)

    def server_metadata(self, _: pb.ServerMetadataRequest) -> pb.ServerMetadataResponse:
        """Name the server and its version."""
        return pb.ServerMetadataResponse(name="phasekey", version=__version__)

    def model_metadata(self, request: pb.ModelMetadataRequest) -> pb.ModelMetadataResponse:
        """Describe a model's inputs and outputs."""
        model = self._find(request.name, request.version)
        return pb.ModelMetadataResponse(
            name=model.name,
            versions=[model.version],
            platform=_PLATFORM,
            inputs=_describe(model.signature.inputs),
            outputs=_describe(model.signature.outputs),
        )

    def model_infer(self, request: pb.ModelInferRequest) -> pb.ModelInferResponse:
        """Run a model once on a request's tensors; the values of the response are always raw."""
        model = self._find(request.model_name, request.model_version)
        _refuse_unsupported([*request.inputs, *request.outputs])
        names = model.signature.select_outputs([output.name for output in request.outputs])
        outputs = model.process(_read_inputs(request))
        response = pb.ModelInferResponse(model_name=model.name, model_version=model.version, id=request.id)
        selected = {name: outputs[name] for name in names}
        write_tensors(selected, response.outputs, response.raw_output_contents)
        return response

    def _find(self, name: str, version: str) -> Processor:
        model = self._models.get(name)
        if model is None:
            raise ModelNotFoundError(f"Model {name!r} is not served here; served: {', '.join(self._models)}.")
        if version not in ("", model.version):
            raise ModelNotFoundError(
                f"Model {name!r} has no version {version!r} here; served is {model.version!r}."
            )
        return model


def _read_inputs(request: pb.ModelInferRequest) -> dict[str, Array]:
    try:
        return read_tensors(request.inputs, request.raw_input_contents)
    except WireError as error:  # here it is the client's; anywhere else it would be ours
        raise InvalidInputError(str(error)) from error


def _refuse_unsupported(
    tensors: Iterable[
        pb.ModelInferRequest.InferInputTensor | pb.ModelInferRequest.InferRequestedOutputTensor
    ],
) -> None:
    for tensor in tensors:
        for parameter in _UNSUPPORTED_PARAMETERS:
            if parameter in tensor.parameters:
                raise InvalidInputError(
                    f"Tensor {tensor.name!r}: the parameter {parameter!r} is not supported."
                )


def _describe(specs: Iterable[TensorSpec]) -> list[pb.ModelMetadataResponse.TensorMetadata]:
    return [
        pb.ModelMetadataResponse.TensorMetadata(
            name=spec.name,
            datatype=datatype_of(spec.dtype),
            shape=[-1 if size is None else size for size in spec.shape],
        )
        for spec in specs
    ]
