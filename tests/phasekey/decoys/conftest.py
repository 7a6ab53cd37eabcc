"""A real server on loopback."""

from contextlib import contextmanager

import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start


@pytest.fixture
def serve():
    """Serve an export: with serve(export) as running."""

    @contextmanager
    def serve_export(export):
        running = start(ServerConfig(model_repository=export.cloud, listen="127.0.0.1:0", workers=2))
        try:
            yield running
        finally:
            running.stop(0)

    return serve_export
