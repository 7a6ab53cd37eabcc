"""What this device keeps over restarts: its secret, in the platform's data folder or where an app says."""

from sdk.keeping.encoders import EncoderChangedWarning, note_encoder
from sdk.keeping.judging import WeakSecretWarning
from sdk.keeping.keyring_secret import KeyringSecret
from sdk.keeping.place import data_folder
from sdk.keeping.secret_file import SECRET_FILE, device_secret, read_secret, rotate_secret

__all__ = [
    "SECRET_FILE",
    "EncoderChangedWarning",
    "KeyringSecret",
    "WeakSecretWarning",
    "data_folder",
    "device_secret",
    "note_encoder",
    "read_secret",
    "rotate_secret",
]
