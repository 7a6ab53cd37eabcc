"""The door to Flower: its telemetry and its look for updates are off before its import (docs/adr/0095)."""

import os

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"
