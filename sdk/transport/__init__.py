"""The way to the cloud and back: x goes out, h comes in. Nothing else is sent.

``Transport`` and ``AsyncTransport`` are the interfaces; ``grpc_sync.GrpcTransport`` and
``grpc_aio.AsyncGrpcTransport`` speak the Open Inference Protocol v2, which Triton, KServe, MLServer, OVMS and
our cloud_runtime serve. gRPC is imported along with these two, not with this package.
"""

from sdk.transport.config import ClientConfig, Settings
from sdk.transport.interface import Answer, AsyncTransport, Transport

__all__ = [
    "Answer",
    "AsyncTransport",
    "ClientConfig",
    "Settings",
    "Transport",
]
