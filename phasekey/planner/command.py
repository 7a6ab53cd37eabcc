"""`phasekey plan`: is a split worth it, for this network, device, link and cloud?"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from phasekey.command import require_extra
from phasekey.planner.devices import CLOUD, DEVICES, DOWNLINK, RTT, UPLINK
from phasekey.planner.errors import PlannerError
from phasekey.planner.latency import Speeds

if TYPE_CHECKING:
    from phasekey.planner.latency import Work
    from phasekey.planner.network import Network

DESCRIPTION = (
    "Compare every way to run a network: on the device, split, or as a JPEG to a cloud that sees it."
)
EPILOG = """\
examples:
  phasekey plan --arch resnet20 --device phone --uplink-mbps 50 --rtt-ms 20
  phasekey plan --arch vgg16 --device camera --components 4 --plot plan.png
  phasekey plan --bundle build/digits --measure

Latency is a model: encode + up + cloud + down + decode, nothing overlapping, for one image. Operations
are those of convolutions and matrix products of the plain network, an addition and a multiplication
counted as two; the cloud does them once for each component. Splits end in a light head and leave all but
the last layer to the cloud; decoys are encoded ahead of time unless --decoys says drawn. The paper's split
draws them for each answer.
Speeds of devices are rough ones of their class, in 10⁹ operations a second that small networks reach there:
"""
NEEDED = ("torch", "matplotlib")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    devices = "".join(f"  {name}: {speed:g}\n" for name, speed in DEVICES.items())
    parser.description, parser.epilog = DESCRIPTION, EPILOG + devices
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--arch", help="network to plan for, as `phasekey train --arch` takes it")
    what.add_argument("--bundle", type=Path, help="an export, or its edge folder: plan for its network")
    parser.add_argument("--variant", help="of a ResNet's split by the paper: alpha or beta")
    parser.add_argument("--image-size", type=int, help="pixels per side (default: what the network is for)")
    parser.add_argument("--classes", type=int, default=10, help="values that it answers with (default 10)")
    parser.add_argument("--components", type=int, default=2, help="rows sent for one input (default 2)")
    parser.add_argument("--form", choices=("complex", "canonical"), default="complex",
                        help="of the splits: layers that secrets pass through, or the plain network inside a "
                        "frame: no head, and half a millisecond more in the cloud")  # fmt: skip
    parser.add_argument("--decoys", choices=("prepared", "drawn"), default="prepared",
                        help="encoded ahead of time, or drawn while somebody waits")  # fmt: skip
    _add_speeds(parser)
    parser.add_argument("--plot", type=Path, help="draw latency against link speed to this file")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def _add_speeds(parser: argparse.ArgumentParser) -> None:
    device = parser.add_mutually_exclusive_group()
    device.add_argument("--device", choices=tuple(DEVICES), default="phone", help="class of device")
    device.add_argument("--device-gflops", type=float, help="its speed, 10⁹ operations a second")
    device.add_argument("--measure", action="store_true",
                        help="take this machine for device and cloud, and loopback for the link: of a bundle "
                        "its graphs in ONNX Runtime and its calls, of a network by name PyTorch")  # fmt: skip
    parser.add_argument("--cloud-gflops", type=float, default=CLOUD,
                        help="the cloud's for one request (default %(default)g)")  # fmt: skip
    parser.add_argument("--uplink-mbps", type=float, default=UPLINK,
                        help="10⁶ bits a second up (default %(default)g)")  # fmt: skip
    parser.add_argument("--downlink-mbps", type=float, help="down (default: five times the uplink)")
    parser.add_argument("--rtt-ms", type=float, default=RTT, help="round trip in ms (default %(default)g)")


def run(args: argparse.Namespace) -> int:
    """Print the plan; 0 when done."""
    require_extra("train", "planning", NEEDED)
    from phasekey.planner.network import of_architecture, of_bundle
    from phasekey.planner.report import facts, table, verdict
    from phasekey.planner.ways import Hiding, ways

    network = (
        of_bundle(args.bundle) if args.bundle else of_architecture(args.arch, args.variant, args.image_size)
    )
    classes = network.classes or args.classes
    hiding = Hiding(args.components, args.decoys, args.form == "canonical")
    plan = ways(
        network.architecture, classes=classes, image=network.image, hiding=hiding, early_end=network.early_end
    )
    plan = replace(plan, own=_timed(network.own) if args.measure else network.own)
    speeds = _measured(args, network) if args.measure else _speeds(args)
    print(  # noqa: T201
        json.dumps(facts(plan, speeds), indent=2)
        if args.json
        else f"{network.name}, {args.components} components\n{_said(speeds)}\n\n{table(plan, speeds)}\n\n"
        f"{verdict(plan, speeds)}"
    )
    if args.plot:
        from phasekey.planner.picture import draw

        draw(plan, speeds, f"{network.name}, {args.components} components", args.plot)
    return 0


def _timed(own: "Work | None") -> "Work | None":
    """A bundle's split whose frame is in the graph that was timed."""
    return None if own is None else replace(own, frame=0.0)


def _measured(args: argparse.Namespace, network: "Network") -> Speeds:
    """This machine for device and cloud: with the bundle's own graphs and calls, where there is a bundle."""
    if args.bundle:
        from phasekey.planner.measure_bundle import bundle_speeds

        return bundle_speeds(args.bundle)
    from phasekey.planner.measure import LOOPBACK, device_speed, round_trip

    speed = device_speed(network.architecture, classes=args.classes, image=network.image)
    return Speeds(speed, speed, LOOPBACK, LOOPBACK, round_trip())


def _speeds(args: argparse.Namespace) -> Speeds:
    device = DEVICES[args.device] if args.device_gflops is None else args.device_gflops
    down = DOWNLINK * args.uplink_mbps if args.downlink_mbps is None else args.downlink_mbps
    given = {
        "--device-gflops": device, "--cloud-gflops": args.cloud_gflops, "--uplink-mbps": args.uplink_mbps,
        "--downlink-mbps": down,
    }  # fmt: skip
    for name, value in given.items():
        if not 0 < value < float("inf"):
            raise PlannerError(f"{name} takes a number above 0, got {value:g}")
    if not 0 <= args.rtt_ms < float("inf"):
        raise PlannerError(f"--rtt-ms takes a number of milliseconds, 0 or more, got {args.rtt_ms:g}")
    return Speeds(device, args.cloud_gflops, args.uplink_mbps, down, args.rtt_ms)


def _said(speeds: Speeds) -> str:
    return (
        f"device {speeds.device:,.3g} GFLOP/s, cloud {speeds.cloud:,.4g} GFLOP/s, "
        f"up {speeds.uplink:,.4g} Mbit/s, down {speeds.downlink:,.4g} Mbit/s, round trip {speeds.rtt:,.3g} ms"
        + (f", each call {speeds.per_call:,.3g} ms beside" if speeds.per_call else "")
    )
