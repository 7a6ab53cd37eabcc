"""The model of latency, worked out by hand, and what it says of plain cases."""

import pytest

from phasekey.planner.latency import Speeds, Work, fastest, jpeg_bytes, latency

SPEEDS = Speeds(device=2.0, cloud=100.0, uplink=8.0, downlink=80.0, rtt=30.0)


def test_by_hand() -> None:
    parts = latency(
        Work("", encode=4_000_000, cloud=50_000_000, decode=1_000_000, up=10_000, down=1_000), SPEEDS
    )
    assert parts.encode == pytest.approx(2.0)  # 4e6 operations at 2e9 a second
    assert parts.up == pytest.approx(10.0 + 15.0)  # 80,000 bits at 8e6 a second, and half a round trip
    assert parts.cloud == pytest.approx(0.5)
    assert parts.down == pytest.approx(0.1 + 15.0)
    assert parts.decode == pytest.approx(0.5)
    assert parts.total == pytest.approx(2.0 + 25.0 + 0.5 + 15.1 + 0.5)


def test_nothing_is_sent_by_the_device_alone() -> None:
    assert latency(Work("", 4_000_000, 0, 0, 0, 0, remote=False), SPEEDS).total == pytest.approx(2.0)


def test_of_equals_the_first() -> None:
    one, other = (Work(name, 1, 1, 1, 1, 1) for name in "ab")
    assert fastest([one, other], SPEEDS) is one


def test_jpeg_at_the_measured_sizes_and_between() -> None:
    assert (jpeg_bytes(32, 32), jpeg_bytes(224, 224)) == (1_100, 19_000)
    assert 1_100 < jpeg_bytes(100, 100) < 19_000
