"""The door to Flower: its telemetry and its look for updates are off before its import (docs/adr/0095)."""

import os

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["FLWR_DISABLE_UPDATE_CHECK"] = "1"
os.environ.setdefault("FLWR_LOG_LEVEL", "WARNING")  # its programs' own logs have the rest
# Its programs talk to each other by HTTP, and a proxy for the way out is none for the way next door.
for _name in ("no_proxy", "NO_PROXY"):
    os.environ[_name] = ",".join(filter(None, [os.environ.get(_name), "127.0.0.1"]))
