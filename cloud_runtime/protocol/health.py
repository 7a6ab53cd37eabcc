"""grpc.health.v1 and server reflection: what gRPC's own tools ask, on threads of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from cloud_runtime.lifecycle import Lifecycle
from phasekey.wire.reflection import public_pool
from phasekey.wire.service import SERVICE

_STATUS = health_pb2.HealthCheckResponse.ServingStatus


def make_health_handler(lifecycle: Lifecycle, pool: ThreadPoolExecutor) -> grpc.GenericRpcHandler[Any, Any]:
    """Make the health service, for the whole server ("") and for the inference service by name."""
    servicer = health.HealthServicer(experimental_non_blocking=True, experimental_thread_pool=pool)

    def tell(ready: bool) -> None:
        for name in ("", SERVICE):
            servicer.set(name, _STATUS.SERVING if ready else _STATUS.NOT_SERVING)

    lifecycle.listen(tell)

    def check(request: Any, context: grpc.ServicerContext) -> Any:
        return servicer.Check(request, context)

    def watch(request: Any, context: grpc.ServicerContext, send: Callable[[Any], None]) -> None:
        servicer.Watch(request, context, send)

    check.experimental_thread_pool = watch.experimental_thread_pool = pool  # type: ignore[attr-defined]
    watch.experimental_non_blocking = True  # type: ignore[attr-defined]  # a watcher holds no thread
    codec = {
        "request_deserializer": health_pb2.HealthCheckRequest.FromString,
        "response_serializer": health_pb2.HealthCheckResponse.SerializeToString,
    }
    return grpc.method_handlers_generic_handler(
        health.SERVICE_NAME,
        {
            "Check": grpc.unary_unary_rpc_method_handler(check, **codec),
            "Watch": grpc.unary_stream_rpc_method_handler(watch, **codec),
        },
    )


def make_reflection_handler(pool: ThreadPoolExecutor) -> grpc.GenericRpcHandler[Any, Any]:
    """Make the reflection service, from descriptors under the public names (docs/adr/0008)."""
    names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
    descriptors = public_pool(health_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR)
    servicer = reflection.ReflectionServicer(names, pool=descriptors)

    def info(requests: Any, context: grpc.ServicerContext) -> Any:
        return servicer.ServerReflectionInfo(requests, context)

    info.experimental_thread_pool = pool  # type: ignore[attr-defined]
    return grpc.method_handlers_generic_handler(
        reflection.SERVICE_NAME,
        {
            "ServerReflectionInfo": grpc.stream_stream_rpc_method_handler(
                info,
                request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
                response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
            )
        },
    )
