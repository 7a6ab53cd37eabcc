"""Certificates of two authorities of our own, and files of tokens."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
import trustme

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start


@dataclass
class Pki:
    """One authority and the files of one server certificate of its."""

    authority: trustme.CA
    folder: Path

    @property
    def certificate(self) -> Path:
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        return self.folder / "server.key"

    @property
    def root(self) -> bytes:
        return self.authority.cert_pem.bytes()

    def issue(self, **options) -> None:
        """Write a new server certificate over the old, as renewal does: each file replaced whole."""
        issued = self.authority.issue_cert("localhost", **options)
        for path, content in (
            (self.key, issued.private_key_pem.bytes()),
            (self.certificate, b"".join(blob.bytes() for blob in issued.cert_chain_pems)),
        ):
            fresh = path.with_suffix(".new")
            fresh.write_bytes(content)
            fresh.rename(path)

    def expire(self) -> None:
        """Replace it by one that has run out."""
        self.issue(not_after=datetime.now(UTC) - timedelta(days=1))

    def client(self, name: str) -> tuple[bytes, bytes]:
        """A client's key and certificate chain."""
        issued = self.authority.issue_cert(name, common_name=name)
        return issued.private_key_pem.bytes(), b"".join(blob.bytes() for blob in issued.cert_chain_pems)


@pytest.fixture
def pki(tmp_path) -> Pki:
    made = Pki(trustme.CA(), tmp_path)
    made.issue()
    return made


@pytest.fixture
def start_server(repository):
    """Start a server with these settings: start_server(**settings) → running; stopped at the end."""
    running = []

    def launch(**settings):
        running.append(start(ServerConfig(repository, **{"listen": "localhost:0"} | settings)))
        return running[-1]

    yield launch
    for server in running:
        server.stop(0)


@pytest.fixture
def secure_channel():
    """Open a channel that shares no connection with another: secure_channel(address, **credentials)."""
    opened = []

    def connect(address, **credentials):
        options = [("grpc.use_local_subchannel_pool", 1)]
        opened.append(grpc.secure_channel(address, grpc.ssl_channel_credentials(**credentials), options))
        return opened[-1]

    yield connect
    for channel in opened:
        channel.close()
