"""Speeds to plan with where nobody gave any: classes of devices, a cloud and a link."""

from phasekey.planner.latency import Speeds

# 10⁹ operations a second that small networks reach: rough, so give your own where you know them.
DEVICES = {"camera": 0.1, "phone": 20.0, "laptop": 60.0}
CLOUD = 2_000.0  # 10⁹ operations a second, for one request
UPLINK = 20.0  # 10⁶ bits a second
DOWNLINK = 5  # times the uplink
RTT = 30.0  # ms


def usual_speeds(device: str) -> Speeds:
    """Put a class of devices behind the usual link to the usual cloud.

    Args:
        device: a key of DEVICES.
    """
    return Speeds(DEVICES[device], CLOUD, UPLINK, DOWNLINK * UPLINK, RTT)
