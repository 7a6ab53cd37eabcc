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


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:0", "127.8.8.8:1", "[::1]:0", "localhost:0", "unix:/run/phasekey"]
)
def test_what_only_this_machine_reaches_needs_no_tls(listen):
    assert ServerConfig(Path(), listen=listen).listen == listen


@pytest.mark.parametrize("listen", ["0.0.0.0:8001", "[::]:8001", "10.0.0.1:1", "example.org:1"])
def test_what_others_reach_needs_tls_or_a_word(listen):
    with pytest.raises(CloudRuntimeError, match="nothing encrypts: give tls_certificate"):
        ServerConfig(Path(), listen=listen)
    ServerConfig(Path(), listen=listen, insecure=True)
    ServerConfig(Path(), listen=listen, tls_certificate=Path("c"), tls_key=Path("k"))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tls_key": Path("k")}, "both a certificate and its key"),
        ({"tls_client_ca": Path("c")}, "needs tls_certificate too"),
        ({"load_model": ("a",)}, "needs model_control explicit"),
        ({"http": "unix:/run/http"}, "is not HOST:PORT"),
    ],
)
def test_settings_that_do_not_go_together(settings, said):
    with pytest.raises(CloudRuntimeError, match=said):
        ServerConfig(Path(), **settings)
