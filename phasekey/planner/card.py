"""The plan of one bundle in three lines, for its model card: what each class of devices had better do."""

from phasekey.bundle import Manifest
from phasekey.model import ModelError
from phasekey.model.architectures import describe
from phasekey.planner.devices import CLOUD, DEVICES, DOWNLINK, RTT, UPLINK, usual_speeds
from phasekey.planner.latency import Speeds, Work, jpeg_bytes, latency
from phasekey.planner.layers import layer_costs
from phasekey.planner.network import name_of, work_of

ASSUMED = (
    f"By rough speeds of three classes of devices; {UPLINK:g} Mbit/s up, {DOWNLINK * UPLINK:g} down, "
    f"{RTT:g} ms round trip, {CLOUD:,.0f} GFLOP/s in the cloud. `phasekey plan --bundle` takes yours, and "
    "tells of other splits."
)


def plan_lines(manifest: Manifest) -> tuple[str, ...]:
    """Say for each class of devices whether this bundle's split is faster than the whole network there.

    Args:
        manifest: of the bundle; its own counts of operations and bytes are the split's.

    Returns:
        Three lines.
    """
    whole = _whole(manifest)
    split = work_of(manifest)
    here = Work("whole network on the device", whole, 0, 0, 0, 0, remote=False)
    image = manifest.image
    jpeg = Work("JPEG", 0, whole, 0, jpeg_bytes(image.height, image.width), 4 * len(manifest.labels))
    return tuple(_line(name, (split, here, jpeg), usual_speeds(name)) for name in DEVICES)


def _whole(manifest: Manifest) -> int:
    """Operations of the network as described, without a head, or by the bundle's own count."""
    image = manifest.image
    try:
        architecture = describe(*name_of(manifest))
        size = (image.channels, image.height, image.width)
        costs = layer_costs(architecture, classes=len(manifest.labels), image=size)
    except ModelError:  # a network of one's own
        return int(manifest.export["cost"]["flops_plain"])
    return sum(cost.operations for cost in costs)


def _line(device: str, ways: tuple[Work, Work, Work], speeds: Speeds) -> str:
    there, here, open_ = (_ms(latency(way, speeds).total) for way in ways)
    faster = latency(ways[0], speeds).total < latency(ways[1], speeds).total
    share = ways[0].device / ways[1].device
    return (
        f"**{device}** ({speeds.device:g} GFLOP/s): **{'split it' if faster else 'run it on the device'}**. "
        f"This split takes {there} and {share:.1%} of the network's operations on the device, the whole "
        f"network there {here}, a JPEG to the cloud {open_}."
    )


def _ms(time: float) -> str:
    return f"{time:,.3g} ms" if time < 100 else f"{time:,.0f} ms"
