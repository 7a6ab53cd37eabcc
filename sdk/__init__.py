"""The device's side of Phasekey: ``EdgeClient`` predicts without showing the cloud an image."""

from phasekey.bundle import PrivacyWarning
from sdk.client import EdgeClient, Prediction, Traffic
from sdk.errors import SdkError
from sdk.secrets import DerivedKeys, FreshKeys, KeySource, Secrets
from sdk.store import BudgetExhausted, DecoysExhausted, StoreError
from sdk.transport import GrpcTransport, Transport

__all__ = [
    "BudgetExhausted",
    "DecoysExhausted",
    "DerivedKeys",
    "EdgeClient",
    "FreshKeys",
    "GrpcTransport",
    "KeySource",
    "Prediction",
    "PrivacyWarning",
    "SdkError",
    "Secrets",
    "StoreError",
    "Traffic",
    "Transport",
]
