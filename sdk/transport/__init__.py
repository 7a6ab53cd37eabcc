"""The way to the cloud and back: x goes out, h comes in. Nothing else is sent.

``Transport`` and ``AsyncTransport`` are the interfaces; ``GrpcTransport`` and ``AsyncGrpcTransport`` speak
the Open Inference Protocol v2, which Triton, KServe, MLServer, OVMS and our cloud_runtime serve.
"""

from sdk.transport.config import ClientConfig, Settings
from sdk.transport.grpc_aio import AsyncGrpcTransport
from sdk.transport.grpc_sync import GrpcTransport
from sdk.transport.interface import Answer, AsyncTransport, Transport

__all__ = [
    "Answer",
    "AsyncGrpcTransport",
    "AsyncTransport",
    "ClientConfig",
    "GrpcTransport",
    "Settings",
    "Transport",
]
