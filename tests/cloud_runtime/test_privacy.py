"""A server says at each start which of its bundles were never audited, or lie open."""

import logging

import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from tests.small_export import AUDITED


@pytest.mark.parametrize(
    ("audit", "said"),
    [
        (None, "this bundle was never audited"),
        ({**AUDITED, "grade": "open", "verdict": "All open."}, "found that it lies open"),
        ({**AUDITED, "incomplete": "some attacks were left out"}, "was not a whole one"),
        (AUDITED, None),
    ],
)
def test_it_says_so_in_one_line(new_export, audit, said, caplog: pytest.LogCaptureFixture) -> None:
    export = new_export(audit=audit)
    with caplog.at_level(logging.WARNING):
        start(ServerConfig(model_repository=export.cloud, listen="127.0.0.1:0")).stop(0)
    lines = [record.getMessage() for record in caplog.records if "audit" in record.getMessage()]
    assert len(lines) == (said is not None)
    if said is not None:
        assert lines[0].startswith(f"{export.manifest.model_name}: ")
        assert said in lines[0]
