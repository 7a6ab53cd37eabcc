"""The SuperLink's Control API, for the process that started it alone.

It starts runs and registers devices. Flower leaves it open where its hosted accounts are not in use, on the
port that devices connect to: whoever reached that port could register a key of their own.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flwr.cli.build import build_fab_from_files
from flwr.common.constant import ACCESS_TOKEN_KEY
from flwr.common.serde import fab_to_proto
from flwr.proto.control_pb2 import RegisterNodeRequest, StartRunRequest
from flwr.supercore.control.control_http_client import ControlHttpClient
from flwr.supercore.fab import Fab
from flwr.supercore.interceptors import RuntimeVersionHttpInterceptor
from flwr.supercore.interceptors.http.utils import add_headers
from flwr.superlink.auth_plugin import NoOpControlAuthnPlugin

# Flower's servers start no run without a program: this one has no code in it, and nobody runs it.
PROGRAM = b"""
[project]
name = "phasekey-federated"
version = "1"
description = "Rounds of phasekey federate"
license = "Apache-2.0"
dependencies = ["flwr>=1.42"]
[tool.flwr.app]
publisher = "phasekey"
[tool.flwr.app.components]
serverapp = "phasekey:none"
clientapp = "phasekey:none"
"""


class OwnProcessOnly(NoOpControlAuthnPlugin):
    """Flower's check of accounts: there is one, of whoever knows the secret of this start.

    Args:
        secret: of the SuperLink.
    """

    def __init__(self, secret: bytes) -> None:
        super().__init__()
        self._token = token(secret)

    def validate_tokens_in_metadata(self, metadata: Sequence[tuple[str, str | bytes]]) -> Any:
        """Whether a request may go on, and as whom."""
        came = str(dict(metadata).get(ACCESS_TOKEN_KEY, ""))
        known = hmac.compare_digest(came.encode(), self._token.encode())
        return super().validate_tokens_in_metadata(metadata) if known else (False, None)


class _Bearer:
    """Shows the token with each request."""

    def __init__(self, secret: bytes) -> None:
        self._headers = {"authorization": f"Bearer {token(secret)}"}

    def intercept(self, context: Any, call_next: Any) -> Any:
        """Add it, and go on."""
        add_headers(context.request, self._headers)
        return call_next(context)


def token(secret: bytes) -> str:
    """Derive what opens the Control API; the secret itself opens the tasks."""
    return hmac.new(secret, b"control", hashlib.sha256).hexdigest()


@contextmanager
def control(address: str, root: bytes | None, secret: bytes) -> Iterator[ControlHttpClient]:
    """Open a client of the Control API.

    Args:
        address: HOST:PORT of the SuperLink.
        root: certificate of the authority, PEM; None for plaintext.
        secret: of the SuperLink.

    Yields:
        The client, closed at the end.
    """
    client = ControlHttpClient.from_server_address(
        address,
        root is None,
        root,
        interceptors=[RuntimeVersionHttpInterceptor(component_name="flwr CLI"), _Bearer(secret)],
    )
    try:
        yield client
    finally:
        client.close()


def start_run(client: ControlHttpClient) -> None:
    """Start a run, whose program is none."""
    program, _ = build_fab_from_files({"pyproject.toml": PROGRAM})
    client.StartRun(StartRunRequest(fab=fab_to_proto(Fab(hashlib.sha256(program).hexdigest(), program, {}))))


def register(client: ControlHttpClient, keys: Iterable[bytes]) -> None:
    """Let devices of these public keys take part; a SuperLink that asks for keys takes no others."""
    for key in keys:
        client.RegisterNode(RegisterNodeRequest(public_key=key))
