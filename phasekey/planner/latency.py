"""How long each way takes: a model of five parts, pure arithmetic.

latency = encode + up + cloud + down + decode, each part with no overlap: one image, one at a time.
  encode, decode   operations on the device / device speed
  up, down         bytes · 8 / link speed; half a round trip each
  cloud            k · operations of the processing module / cloud speed, and of a canonical form its frame's
                   time: hundreds of small operators, which operations don't tell
What a run costs beyond its operations (starting a graph, serialising) is in `per_call`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

# Milliseconds of a canonical frame on one core: 0.50 and 0.98 of LeNet's feature, k = 2 and 8; 0.58 of a
# ResNet's early one, k = 2 (docs/adr/0044).
FRAME, FRAME_OF_A_COMPONENT = 0.4, 0.08
JPEG_SMALL = 1_100  # bytes of a 32 × 32 image, and of a 224 × 224 one: measured, quality about 75
JPEG_LARGE = 19_000
SIDE_SMALL, SIDE_LARGE = 32, 224


@dataclass(frozen=True)
class Speeds:
    """What there is to compute and to send with.

    Attributes:
        device: 10⁹ floating-point operations a second of the device.
        cloud: the same of the cloud, for one request.
        uplink: 10⁶ bits a second from the device.
        downlink: 10⁶ bits a second to the device.
        rtt: round trip of a small message, milliseconds.
        per_call: milliseconds that each prediction through the cloud takes beside all that.
    """

    device: float
    cloud: float
    uplink: float
    downlink: float
    rtt: float
    per_call: float = 0.0


@dataclass(frozen=True)
class Work:
    """One way to get an answer.

    Attributes:
        name: for people.
        encode: floating-point operations on the device before the wire.
        cloud: the same in the cloud, for all components together.
        decode: the same on the device after the wire.
        up, down: bytes on the wire, for all components together.
        private: whether the cloud is kept from seeing the image as such.
        remote: whether the cloud is asked at all.
        frame: milliseconds of a canonical form's frame in the cloud, whatever the cloud's speed.
    """

    name: str
    encode: int
    cloud: int
    decode: int
    up: int
    down: int
    private: bool = True
    remote: bool = True
    frame: float = 0.0

    @property
    def device(self) -> int:
        """Operations on the device in all."""
        return self.encode + self.decode


@dataclass(frozen=True)
class Latency:
    """The parts of one answer's time, each in milliseconds."""

    encode: float
    up: float
    cloud: float
    down: float
    decode: float

    @property
    def total(self) -> float:
        """All parts, one after another, milliseconds."""
        return self.encode + self.up + self.cloud + self.down + self.decode


def latency(work: Work, speeds: Speeds) -> Latency:
    """Apply the model above to one way.

    Args:
        work: what is to be computed and sent.
        speeds: what there is to do it with; all above zero, rtt and per_call zero or more.

    Returns:
        Milliseconds by part; zero for parts that the way does not have.
    """
    # 10⁹ operations a second are 10⁶ a millisecond; 10⁶ bits a second are 10³ a millisecond.
    leg = (speeds.rtt + speeds.per_call) / 2 if work.remote else 0.0
    return Latency(
        encode=work.encode / (1e6 * speeds.device),
        up=8 * work.up / (1e3 * speeds.uplink) + leg,
        cloud=work.cloud / (1e6 * speeds.cloud) + work.frame,
        down=8 * work.down / (1e3 * speeds.downlink) + leg,
        decode=work.decode / (1e6 * speeds.device),
    )


def fastest(ways: Sequence[Work], speeds: Speeds) -> Work:
    """Return the way with the least latency; of equals, the first."""
    return min(ways, key=lambda way: latency(way, speeds).total)


def frame_time(components: int) -> float:
    """Estimate what the frame of a canonical form takes in the cloud for one input, in milliseconds."""
    return FRAME + FRAME_OF_A_COMPONENT * components


def jpeg_bytes(height: int, width: int) -> int:
    """Estimate the bytes of a photograph as JPEG.

    Between and beyond the two measured sizes the bytes for a pixel go by a power of their number.

    Args:
        height, width: in pixels.

    Returns:
        Bytes; 1,100 at 32 × 32 and 19,000 at 224 × 224.
    """
    growth: float = log(JPEG_LARGE / JPEG_SMALL) / log((SIDE_LARGE / SIDE_SMALL) ** 2)
    scale: float = (height * width / SIDE_SMALL**2) ** growth
    return round(JPEG_SMALL * scale)
