"""The page: what was measured, and the arithmetic from it."""

from dataclasses import replace

from benchmarks.capacity.arithmetic import Assumptions, Need, Way, need
from benchmarks.capacity.measure import CONNECTIONS, IN_FLIGHT, Found
from benchmarks.report import machine

ASSUMED = Assumptions()
LOADS = (1e3, 1e6, 1e8)  # requests a minute
HEAD = """# Capacity

Written by `python -m benchmarks capacity --images cifar10-jpeg.tar.gz --out docs/capacity.md`; a test
does its sums again. How many machines, how much network, what it costs: for ResNet-20 on images of 32 ×
32, float16 on the wire, ONNX Runtime with one thread for each run. Weights are random, which changes no
timing. The device keeps the first convolution and the last layer (`--split early`), 1.7% of the work.

**No GPU was at hand**: all of this is CPU.

## Measured

One server for each way, all on one core, asked in turn by a client on another, {in_flight} requests in
flight, {rounds} rounds of {seconds:g} s. CPU is the server process's own time for a request, all of it:
message, checks, queue, graph; without TLS. A core that does nothing else answers 1000 / CPU requests a
second; what came out with the core saturated stands beside it.

{machine}

| way | CPU ms (least to most) | requests/s of a core | measured, saturated | bytes up | bytes down |
|---|---|---|---|---|---|
{measured}

- "Plain" is the same network split at the same place, with nothing hidden: the cloud sees the feature.
  k images cost k times the graph, and somewhat less than k times the whole.
- The paper's rotation is the paper's split of ResNet-20-α, in its complex form; it promises nothing
  ([privacy](privacy.md)).
- JPEG is the image itself, {jpeg:.0f} bytes on average of 500 of CIFAR-10, to a cloud that decodes it
  ({decode:.3f} ms) and runs the network; computed as the plain way's time and the decoding. The cloud
  sees everything.
- An idle connection costs the server {idle:g} kB ({connections} opened at once).

## Assumed

Put your own in. Machines are planned to be {use:.0%} busy, which leaves room for one of several to be
away and for bursts.

| use of cores | cores of a machine | Gbit/s in of a machine | price of a core-hour | price of 10⁹ bytes out |
|---|---|---|---|---|
| {use:g} | {cores} | {nic:g} | {core_hour:g} | {gigabyte_out:g} |

## The sums

- requests a second = requests a minute / 60
- cores busy = requests a second × CPU ms / 1000
- Gbit/s = requests a second × bytes × 8 / 10⁹, in by bytes up, out by bytes down
- machines = the most of 2; cores busy / use / cores of a machine; Gbit/s in / use / Gbit/s of a
  machine; rounded up
- price of machines a month = machines × cores × 730 hours × price of a core-hour
- price of traffic a month = requests a second × bytes down × 730 × 3600 / 10⁹ × price of 10⁹ bytes out;
  in is free
"""
LOAD = """
## {load} requests a minute, {per_second:,.0f} a second

| way | cores busy | machines | Gbit/s in | Gbit/s out | machines, a month | traffic, a month |
|---|---|---|---|---|---|---|
{rows}
"""
TAIL = """
## Where the next bottleneck is

1. **Bytes on the wire.** A machine of {cores} cores at {use:.0%} takes in, of plain {plain:.2f} Gbit/s,
   of k = 4 {four:.2f} Gbit/s, of JPEG {jpeg:.3f} Gbit/s: below {nic:g} Gbit/s, {first} first.
   The devices' side runs out before ours: at 10 Mbit/s up, {four_up:,.0f} bytes take
   {four_ms:.0f} ms of k = 4, and {jpeg_up:.0f} bytes {jpeg_ms:.1f} ms as JPEG. Across the edge of the
   cloud, 100 million requests a minute of k = 4 are {total:,.0f} Gbit/s, which is a matter of several
   places, not of bigger machines.
2. **Connections.** A device that asks once a minute and stays connected is one connection for one
   request a minute: 100 million are {memory:,.0f} GB of memory at {idle:g} kB each, beside
   {machines:,} machines of k = 4 that is {each:,.1f} GB for each machine. File descriptors:
   {per_machine:,.0f} for each. Devices that ask seldom had better connect for each request (a TLS
   handshake) or go through a gateway that holds their connections.
3. **The balancer.** gRPC balances by call only where somebody reads HTTP/2: a gateway carries all of
   the bytes above once more, in and out, and wants machines of its own; balancing in the clients
   (`round_robin` over DNS) wants none, but a list of {machines:,} addresses is no list for DNS. So: a
   layer-4 balancer over cells of some tens of machines, by call within a cell.
4. **Decoys.** k images are k times the bytes and the graph. `predict(..., crowd=True)` hides k real
   inputs among each other for the plain price, where a device has k at once.
"""


def render(found: Found, *, rounds: int, seconds: float, given: Assumptions = ASSUMED) -> str:
    """Write the page.

    Args:
        found: the figures.
        rounds: that they were measured in.
        seconds: of a slice.
        given: what was not measured.

    Returns:
        Markdown.
    """
    found = replace(found, idle=round(found.idle, 1))
    ways = [_rounded(way) for way in found.ways.values()]
    head = HEAD.format(
        in_flight=IN_FLIGHT,
        rounds=rounds,
        seconds=seconds,
        machine=machine().strip(),
        measured="\n".join(_measured(way, found) for way in ways),
        jpeg=found.jpeg_bytes,
        decode=found.decode,
        idle=found.idle,
        connections=CONNECTIONS,
        **vars(given),
    )
    loads = [
        LOAD.format(
            load=f"{load:,.0f}",
            per_second=load / 60,
            rows="\n".join(_row(way, need(way, load, given)) for way in ways),
        )
        for load in LOADS
    ]
    return head + "".join(loads) + _tail(ways, found, given)


def _rounded(way: Way) -> Way:
    """As the page shows it, so that its sums are of what stands there."""
    return Way(way.name, round(way.cpu, 3), round(way.up), round(way.down))


def _measured(way: Way, found: Found) -> str:
    spread = found.spreads.get(way.name)
    least_to_most = f" ({spread[0]:.3f} to {spread[1]:.3f})" if spread else ""
    saturated = f"{found.saturated[way.name]:,.0f}" if way.name in found.saturated else ""
    return (
        f"| {way.name} | {way.cpu:.3f}{least_to_most} | {way.rate:,.0f} | {saturated} "
        f"| {way.up:,.0f} | {way.down:,.0f} |"
    )


def _row(way: Way, need: Need) -> str:
    return (
        f"| {way.name} | {need.cores:,.2f} | {need.machines:,} | {need.gbit_in:,.3f} | {need.gbit_out:,.3f} "
        f"| {need.machines_month:,.0f} | {need.traffic_month:,.0f} |"
    )


def _tail(ways: list[Way], found: Found, given: Assumptions) -> str:
    plain, four, jpeg = ways[0], ways[2], ways[-1]
    most = LOADS[-1]
    needed = need(four, most, given)
    cut = [way.name for way in ways if need(way, most, given).by_network]

    def machine_in(way: Way) -> float:
        return given.cores * given.use * way.rate * way.up * 8 / 1e9

    return TAIL.format(
        plain=machine_in(plain),
        four=machine_in(four),
        jpeg=machine_in(jpeg),
        first=f"so the network of {', '.join(cut)} runs out" if cut else "so cores run out",
        four_up=four.up,
        four_ms=four.up * 8 / 10e6 * 1e3,
        jpeg_up=jpeg.up,
        jpeg_ms=jpeg.up * 8 / 10e6 * 1e3,
        total=needed.gbit_in,
        memory=most * found.idle / 1e6,
        idle=found.idle,
        machines=needed.machines,
        each=most * found.idle / 1e6 / needed.machines,
        per_machine=most / needed.machines,
        cores=given.cores,
        use=given.use,
        nic=given.nic,
    )
