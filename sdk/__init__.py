"""The device's side of Phasekey: ``EdgeClient`` predicts without showing the cloud an image."""

from phasekey.bundle import PrivacyWarning
from sdk.async_client import AsyncEdgeClient
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
from sdk.transport import (
    Answer,
    AsyncGrpcTransport,
    AsyncTransport,
    ClientConfig,
    GrpcTransport,
    Transport,
)

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
