"""Settings: from code, files and the environment, and what is wrong with each wrong one."""

import json
from pathlib import Path

import grpc
import pytest

from sdk import ClientConfig, ConfigurationError, EdgeClient, Unavailable
from sdk.transport import config
from sdk.transport.options import channel_options, service_config
from sdk.transport.targets import is_loopback, joined, one_name


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeout": None}, "timeout must be a number of seconds above 0, not None"),
        ({"timeout": "3"}, "timeout must be"),
        ({"timeout": True}, "timeout must be"),
        ({"timeout": float("inf")}, "timeout must be"),
        ({"connect_timeout": 0}, "connect_timeout must be"),
        ({"batch_size": "8"}, "batch_size must be 1 or more, not '8'"),
        ({"batch_size": 2.0}, "batch_size must be 1 or more"),
        ({"retry_attempts": 6}, "at most 5"),
        ({"retry_codes": ("GONE",)}, "names of gRPC statuses"),
        ({"concurrency": 0}, "concurrency must be 1 or more"),
        ({"on_unavailable": "ignore"}, "'raise' or 'local'"),
        ({"cert": "a.pem"}, "cert and key go together"),
        ({"tls": "yes"}, "tls must be True or False"),
        ({"ca_cert": 7}, "ca_cert must be a path"),
        ({"token": 7}, "token must be a text or a function"),
        ({"token": "a", "token_file": "b"}, "either token or token_file"),
        ({"targets": (1,)}, "targets must be texts"),
        ({"time_out": 3}, "There is no setting 'time_out'"),
    ],
)
def test_wrong_values_are_ours_to_say(small_export, options, said):
    with pytest.raises(ConfigurationError, match=said):
        EdgeClient(
            small_export.edge, options.pop("target", "a:1"), **options
        ) if "targets" not in options else (EdgeClient(small_export.edge, **options))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://h:8001", "is a URL: give HOST:PORT alone, 'h:8001'"),
        ("https://h:8001/v2", r"'h:8001' with tls=True"),
        ("https://h/v2", r"'h:PORT' with tls=True"),
        ("", "target is empty"),
        ("   ", "target is empty"),
        ("localhost", "has no port"),
        ("h:eighty", "is not HOST:PORT"),
        ("::1:80", "is not HOST:PORT"),
        ("h:0", "1 to 65535"),
        ("h:70000", "1 to 65535"),
        (8001, "targets must be texts"),
    ],
)
def test_targets_that_are_none(small_export, target, said):
    with pytest.raises(ConfigurationError, match=said):
        EdgeClient(small_export.edge, target if isinstance(target, str) else [target])


def test_a_file_and_the_environment_say_the_same(tmp_path):
    path = tmp_path / "client.toml"
    path.write_text(
        'targets = ["a:1", "b:2"]\ntimeout = 3\ntls = true\nca_cert = "ca.pem"\nretry_attempts = 2\n'
    )
    environment = {
        "PHASEKEY_TARGETS": "a:1, b:2",
        "PHASEKEY_TIMEOUT": "3",
        "PHASEKEY_TLS": "yes",
        "PHASEKEY_CA_CERT": "ca.pem",
        "PHASEKEY_RETRY_ATTEMPTS": "2",
        "PHASEKEY_LISTEN": "of the server, and none of ours",
    }
    config = ClientConfig.from_file(path)
    assert config == ClientConfig.from_env(environment)
    assert config == ClientConfig(
        targets=("a:1", "b:2"), timeout=3, tls=True, ca_cert=Path("ca.pem"), retry_attempts=2
    )
    assert ClientConfig.from_env({"PHASEKEY_TIMEOUT": "9"}, base=config).timeout == 9


@pytest.mark.parametrize(
    ("name", "value"), [("TIMEOUT", "soon"), ("TLS", "perhaps"), ("RETRY_ATTEMPTS", "2.5"), ("TIMEOUT", "-1")]
)
def test_a_wrong_variable_is_named(name, value):
    with pytest.raises(ConfigurationError, match=f"(?i){name}"):
        ClientConfig.from_env({f"PHASEKEY_{name}": value})


@pytest.mark.parametrize("text", ["timeout = [", "unknown = 1", "timeout = 'soon'", None])
def test_a_wrong_file(tmp_path, text):
    path = tmp_path / "client.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError):
        ClientConfig.from_file(path)


def test_a_token_goes_nowhere_in_the_clear(small_export):
    with pytest.raises(ConfigurationError, match="A token goes over TLS alone"):
        EdgeClient(small_export.edge, "cloud.example:8001", token="a" * 20)
    EdgeClient(small_export.edge, "127.0.0.1:1", token="a" * 20).close()
    EdgeClient(small_export.edge, "cloud.example:8001", token="a" * 20, tls=True).close()
    assert "aaaa" not in repr(ClientConfig(token="a" * 20))


def test_the_service_config_balances_and_retries():
    document = json.loads(
        service_config(ClientConfig(retry_attempts=4, retry_codes=("UNAVAILABLE", "ABORTED")))
    )
    policy = document["methodConfig"][0]["retryPolicy"]
    assert document["loadBalancingConfig"] == [{"round_robin": {}}]
    assert (policy["maxAttempts"], policy["retryableStatusCodes"]) == (4, ["UNAVAILABLE", "ABORTED"])
    assert "hedgingPolicy" not in document["methodConfig"][0]
    assert "methodConfig" not in json.loads(service_config(ClientConfig(retry_attempts=1)))


def test_the_buffer_for_retries_holds_the_largest_request():
    options = dict(channel_options(ClientConfig(), largest_request=5_000_000, largest_reply=None))
    assert options["grpc.per_rpc_retry_buffer_size"] == 5_000_000
    options = dict(channel_options(ClientConfig(), largest_request=1, largest_reply=None))
    assert options["grpc.per_rpc_retry_buffer_size"] == 256 * 1024


def test_several_targets_are_one_of_grpcs():
    assert joined(["127.0.0.1:1"]) == "127.0.0.1:1"
    assert joined(["127.0.0.1:1", "127.0.0.2:2"]) == "ipv4:127.0.0.1:1,127.0.0.2:2"
    assert joined(["localhost:1", "127.0.0.1:2"]) == "ipv4:127.0.0.1:1,127.0.0.1:2"
    with pytest.raises(Unavailable, match="unknown"):
        joined(["no-such-host.invalid:1", "127.0.0.1:2"])
    assert joined(["[::1]:1", "[::2]:2"]) == "ipv6:[::1]:1,[::2]:2"
    with pytest.raises(ConfigurationError, match="all be IPv4 or all IPv6"):
        joined(["127.0.0.1:1", "[::1]:1"])
    with pytest.raises(ConfigurationError, match="must be HOST:PORT"):
        joined(["unix:/a", "127.0.0.1:1"])
    assert [is_loopback(t) for t in ("127.0.0.9:1", "[::1]:1", "localhost:1", "unix:/a", "10.0.0.1:1")] == [
        *[True] * 4,
        False,
    ]


def test_several_servers_over_tls_have_one_name(small_export):
    """gRPC checks the certificates of all addresses of one target against one name."""
    assert one_name(["cloud.example:1", "cloud.example:2"]) == "cloud.example"
    assert one_name(["[::1]:1", "[::1]:2"]) == "::1"
    several = {"config": ClientConfig(targets=("a.example:1", "b.example:1"), tls=True)}
    with pytest.raises(ConfigurationError, match=r"have 2: a\.example, b\.example\. Give server_name="):
        EdgeClient(small_export.edge, **several)
    EdgeClient(small_export.edge, **several, server_name="cloud.example").close()
    EdgeClient(small_export.edge, ["a.example:1", "b.example:1"]).close()


def test_the_names_of_statuses_are_grpc_s():
    assert set(grpc.StatusCode.__members__) == config._CODES
