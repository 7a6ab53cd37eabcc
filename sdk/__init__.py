"""The device's side of Phasekey: ``EdgeClient`` predicts without showing the cloud an image."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from phasekey.bundle import PrivacyWarning
from sdk.client import EdgeClient
from sdk.core.hidden import Hidden
from sdk.device import Device
from sdk.errors import (
    CallError,
    Cancelled,
    ClientClosed,
    ConfigurationError,
    DeadlineExceeded,
    Forbidden,
    InvalidReply,
    Overloaded,
    RequestRefused,
    SdkError,
    ServerFailed,
    Unauthenticated,
    Unavailable,
    Untrusted,
    WrongModel,
    WrongServer,
)
from sdk.keeping import EncoderChangedWarning, KeyringSecret, WeakSecretWarning
from sdk.prediction import ModelInfo, Prediction, Timings, Traffic
from sdk.secrets import DerivedKeys, FreshKeys, KeySource, Secrets
from sdk.store import BudgetExhausted, DecoysExhausted, StoreError
from sdk.transport import Answer, AsyncTransport, ClientConfig, Transport

if TYPE_CHECKING:
    from sdk.async_client import AsyncEdgeClient
    from sdk.transport.grpc_aio import AsyncGrpcTransport
    from sdk.transport.grpc_sync import GrpcTransport

__all__ = [
    "Answer",
    "AsyncEdgeClient",
    "AsyncGrpcTransport",
    "AsyncTransport",
    "BudgetExhausted",
    "CallError",
    "Cancelled",
    "ClientClosed",
    "ClientConfig",
    "ConfigurationError",
    "DeadlineExceeded",
    "DecoysExhausted",
    "DerivedKeys",
    "Device",
    "EdgeClient",
    "EncoderChangedWarning",
    "Forbidden",
    "FreshKeys",
    "GrpcTransport",
    "Hidden",
    "InvalidReply",
    "KeySource",
    "KeyringSecret",
    "ModelInfo",
    "Overloaded",
    "Prediction",
    "PrivacyWarning",
    "RequestRefused",
    "SdkError",
    "Secrets",
    "ServerFailed",
    "StoreError",
    "Timings",
    "Traffic",
    "Transport",
    "Unauthenticated",
    "Unavailable",
    "Untrusted",
    "WeakSecretWarning",
    "WrongModel",
    "WrongServer",
]

_LATER = {
    "AsyncEdgeClient": "sdk.async_client",
    "AsyncGrpcTransport": "sdk.transport.grpc_aio",
    "GrpcTransport": "sdk.transport.grpc_sync",
}


if not TYPE_CHECKING:  # to which a module with __getattr__ has every name

    def __getattr__(name: str) -> Any:
        """Import asyncio and gRPC with what needs them: a device may have a transport of its own."""
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_LATER[name]), name)
