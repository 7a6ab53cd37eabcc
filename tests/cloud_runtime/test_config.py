from pathlib import Path

import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.errors import CloudRuntimeError


@pytest.mark.parametrize(
    ("listen", "host"),
    [("127.0.0.1:8001", "127.0.0.1"), ("localhost:0", "localhost"), ("[::1]:65535", "[::1]")],
)
def test_addresses(listen, host):
    assert ServerConfig(Path(), listen=listen).host == host


@pytest.mark.parametrize(
    "listen", ["", "8001", ":8001", "localhost", "::1:80", "h:65536", "h:-1", "h:a", "a b:1"]
)
def test_what_is_no_address(listen):
    with pytest.raises(CloudRuntimeError, match="is not HOST:PORT"):
        ServerConfig(Path(), listen=listen)


@pytest.mark.parametrize(
    "setting", [{"threads": -1}, {"workers": 0}, {"max_message_mib": 0}, {"max_message_mib": 2048}]
)
def test_settings_out_of_range(setting):
    (value,) = setting.values()
    with pytest.raises(CloudRuntimeError, match=f"must be .* not {value}"):
        ServerConfig(Path(), **setting)
