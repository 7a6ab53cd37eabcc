import io
import json
import logging

import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.observability.logs import set_up_logs


@pytest.fixture
def log(repository):
    """Set logs up on a stream: log(format, level) → the stream. Logging is as before at the end."""
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions

    def set_up(stream=None, **settings):
        stream = stream or io.StringIO()
        set_up_logs(ServerConfig(repository, **settings), stream)
        return stream

    yield set_up
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)


def test_json_has_a_record_a_line_with_its_fields(log):
    stream = log(log_format="json")
    logging.getLogger("somewhere").error("two\nlines", extra={"incident": "00ff"})
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert record.pop("time")
    assert record == {"level": "ERROR", "logger": "somewhere", "message": "two\nlines", "incident": "00ff"}


def test_text_is_for_people_and_the_level_is_heeded(log):
    stream = log(log_level="warning")
    logging.info("not this")
    logging.warning("but this")
    assert stream.getvalue().endswith("WARNING but this\n")
    assert "not this" not in stream.getvalue()


def test_a_disk_that_is_full_costs_the_record_alone(log, capfd):
    full = open("/dev/full", "w")  # noqa: SIM115 - closing fails as well
    log(full)
    for _ in range(3):
        logging.error("lost")
    with pytest.raises(OSError, match="No space left"):
        full.close()
    assert capfd.readouterr().err == ""
