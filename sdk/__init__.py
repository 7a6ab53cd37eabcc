"""The device's side of Phasekey: ``EdgeClient`` predicts without showing the cloud an image."""

from phasekey.bundle import PrivacyWarning
from sdk.client import EdgeClient
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
from sdk.prediction import Prediction, Traffic
from sdk.secrets import DerivedKeys, FreshKeys, KeySource, Secrets
from sdk.store import BudgetExhausted, DecoysExhausted, StoreError
from sdk.transport import GrpcTransport, Transport

__all__ = [
    "BudgetExhausted",
    "CallError",
    "Cancelled",
    "ClientClosed",
    "ConfigurationError",
    "DeadlineExceeded",
    "DecoysExhausted",
    "DerivedKeys",
    "EdgeClient",
    "Forbidden",
    "FreshKeys",
    "GrpcTransport",
    "InvalidReply",
    "KeySource",
    "Overloaded",
    "Prediction",
    "PrivacyWarning",
    "RequestRefused",
    "SdkError",
    "Secrets",
    "ServerFailed",
    "StoreError",
    "Traffic",
    "Transport",
    "Unauthenticated",
    "Unavailable",
    "Untrusted",
    "WrongModel",
    "WrongServer",
]
