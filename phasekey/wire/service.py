"""The service's methods, and how a client calls one. Server and client both go by this table.

The public method path is put together by hand, because our message names are private (see
proto/phasekey/wire/open_inference.proto): on the wire there is a path and field numbers, no names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import grpc
from google.protobuf.message import Message

from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire import triton_extensions_pb2 as triton

SERVICE = "inference.GRPCInferenceService"


@dataclass(frozen=True)
class Method:
    """One method: its name, the classes of its request and its response, and whether both are streams."""

    name: str
    request: type[Message]
    response: type[Message]
    streams: bool = False

    @property
    def path(self) -> str:
        """The full method path, e.g. ``/inference.GRPCInferenceService/ModelInfer``."""
        return f"/{SERVICE}/{self.name}"


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        method.name: method
        for method in (
            Method("ServerLive", pb.ServerLiveRequest, pb.ServerLiveResponse),
            Method("ServerReady", pb.ServerReadyRequest, pb.ServerReadyResponse),
            Method("ModelReady", pb.ModelReadyRequest, pb.ModelReadyResponse),
            Method("ServerMetadata", pb.ServerMetadataRequest, pb.ServerMetadataResponse),
            Method("ModelMetadata", pb.ModelMetadataRequest, pb.ModelMetadataResponse),
            Method("ModelInfer", pb.ModelInferRequest, pb.ModelInferResponse),
            # Triton's extensions
            Method("ModelStreamInfer", pb.ModelInferRequest, triton.ModelStreamInferResponse, streams=True),
            Method("ModelConfig", triton.ModelConfigRequest, triton.ModelConfigResponse),
            Method("ModelStatistics", triton.ModelStatisticsRequest, triton.ModelStatisticsResponse),
            Method("RepositoryIndex", triton.RepositoryIndexRequest, triton.RepositoryIndexResponse),
            Method(
                "RepositoryModelLoad", triton.RepositoryModelLoadRequest, triton.RepositoryModelLoadResponse
            ),
            Method(
                "RepositoryModelUnload",
                triton.RepositoryModelUnloadRequest,
                triton.RepositoryModelUnloadResponse,
            ),
        )
    }
)


def unary_call(channel: grpc.Channel, name: str) -> grpc.UnaryUnaryMultiCallable[Any, Any]:
    """Bind a method of the table to a channel: ``unary_call(channel, "ModelInfer")(request, timeout=5)``.

    Raises:
        KeyError: no unary method of that name in METHODS.
    """
    method = METHODS[name]
    if method.streams:
        raise KeyError(name)
    return channel.unary_unary(
        method.path,
        request_serializer=method.request.SerializeToString,
        response_deserializer=method.response.FromString,
    )


def infer_call(channel: grpc.Channel) -> grpc.UnaryUnaryMultiCallable[Any, Any]:
    """Bind ModelInfer to a channel, bytes both ways, as ``phasekey.wire.infer`` writes and splits them."""
    return channel.unary_unary(
        METHODS["ModelInfer"].path, request_serializer=None, response_deserializer=None
    )
