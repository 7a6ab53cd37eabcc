"""The measurements as markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.interleave import Spread
from benchmarks.report import machine, show
from benchmarks.serving.endurance import Flood, Growth
from benchmarks.serving.throughput import IN_PROCESS, SCENARIOS, Scenario, Table

HEAD = """# Benchmarks: serving

Written by `python -m benchmarks serving --out docs/serving-benchmarks.md`. A closed loop over gRPC on
loopback asks the ResNet-20-α processing graph (random weights, float16 wire: 65 kB in, {reply} kB out for
each sample) of each server. Server on one core, client on another, ONNX Runtime with one thread everywhere,
defaults otherwise. Every server is started once and all are measured in turn, {rounds} rounds with slices of
{seconds:g} s in an order that flips. Ratios are taken round by round: the median, with its quartiles. Replies
are held to what ONNX Runtime gives in process.

"""

PEERS_NOTE = """
"In process" is ONNX Runtime in a loop with nothing around it: what a server has at most. Triton is that of
nvidia-pytriton 0.7.0, whose Python backend calls ONNX Runtime; KServe and MLServer have a model class each
that does. pygrpc-native is no server but a bound: a gRPC core outside the interpreter lock, without TLS,
checks, batching or metrics. CPU is the server's own time for a request, all its processes: where its core is
busy throughout, requests/s follow from it, and on a machine that others use too it is the steadier figure.
A goal counts as met where both meet it. A server that is "faster" than ONNX Runtime in process tells of other
programs on the cores: then only the CPU time can be trusted.

"""

TAIL = """
## Where our time goes

Profiled (perf, 2 kHz) in November 2026 on a quiet machine, the server's CPU time by what spends it:

| | 16 in flight, batch 1 | one in flight |
|---|---|---|
| a request | 0.85 ms | 1.18 ms |
| ONNX Runtime | 67 % | 55 % |
| the interpreter: our Python, and what grpcio's makes of it | 11 % | 16 % |
| the kernel: sockets, changes of thread | 10 % | 12 % |
| copies and malloc | 5 % | 6 % |
| gRPC's core | 5 % | 8 % |
| NumPy: joining, looking for NaN | 1 % | 2 % |

At 16 in flight the graph costs what it costs in process at batch 8; alone it costs more, because graph and
Python put each other's data out of the caches. Before [record 43](adr/0043-modelinfer-from-grpcs-core.md) a
request took 1.25 and 1.54 ms. What brought it down, at 16 in flight: no thread for each call and headers
known again, 1.25 to 1.02; runs of up to 8 joined requests on the threads that take calls, to 0.95; a stream's
window that a sample fits into, to 0.79-0.85. Made no difference beyond noise: runs of 16, larger reads and
frames, gRPC without its optional filters, its older pollers, its experimental low-water mark, asking gRPC's
core for calls ahead. A second process would use no core that the first does not.

Two goals are missed by little. Over Triton at 16 in flight it was 1.04 to 1.06, by CPU time 1.04, in two
runs on a quiet machine: some 25 µs of our 0.81 ms are Python from the message to its answer (5 of them
looking for NaN), and what remains beside the graph is gRPC's core, the kernel and the changes between their
threads.

p99 over p50 at 16, followed request by request: all are served in the order in which they were sent, in
runs of 8, so each waits for two runs (5.4 ms and 1.3 ms around each) and p50 is that. The slowest hundredth
was in a run that took 9 to 11 ms, of CPU time, while no other program ran on the core; one such run in a
second is enough. It has come out at 1.25 to 1.33 beside Triton's 1.39 to 1.44. What it is not: garbage
collection (one to three a second, 0.1 ms each; hardly any in the client), timers (one a second), order. One
run of more than 10 ms used to send those after it to another thread, which then took turns with the first;
two in a row are needed for that now.

A flood took 182 to 253 MB because each request held itself in a circle until Python's collector came by
([record 71](adr/0071-admission-before-reading.md)), and 4.1 to 4.9 times the other client's quiet p50
because that client rode along with the flood's slices
([record 70](adr/0070-one-thread-brings-a-request-and-runs-it.md)). Without the circles one in flight takes
1.18 ms of CPU in place of 1.33 (same run): a message's memory is there for the next one while the caches
still have it. Smaller windows, fewer streams, one arena and mapping large messages changed nothing.
"""


@dataclass(frozen=True)
class Goal:
    """At least so many times the requests a second of another."""

    scenario: Scenario
    over: str
    least: float


GOALS = (
    Goal(Scenario(16, 1), IN_PROCESS, 0.74),
    Goal(Scenario(1, 1), "triton", 1.0),
    Goal(Scenario(16, 1), "triton", 1.05),
    Goal(Scenario(4, 8), "triton", 1.0),
)
STEADY = Scenario(16, 1)
STEADY_GOAL = 1.3
FLOOD_MEMORY, FLOOD_RATIO = 200.0, 5.0


def render(
    table: Table,
    missing: Mapping[str, str],
    *,
    rounds: int,
    seconds: float,
    reply_bytes: int,
    flood: Flood | None,
    growth: Growth | None,
) -> str:
    """The whole document."""
    parts = [HEAD.format(rounds=rounds, seconds=seconds, reply=round(reply_bytes / 1000)), machine(), "\n"]
    parts += [goals(table), PEERS_NOTE]
    parts += [scenario_table(table, scenario) for scenario in SCENARIOS if (scenario, "ours") in table.slices]
    parts += [f"Not measured: {name}, because {why}\n\n" for name, why in missing.items()]
    parts += [flood_text(flood)] if flood else []
    parts += [growth_text(growth)] if growth else []
    return "".join([*parts, TAIL])


def goals(table: Table) -> str:
    """Goal and measured side by side."""
    lines = ["| figure | goal | measured | met | the same by CPU time |", "|---|---|---|---|---|"]
    for goal in GOALS:
        if (goal.scenario, goal.over) in table.slices and (goal.scenario, "ours") in table.slices:
            found = table.ratio(goal.scenario, "ours", goal.over)
            cpu = table.cpu_ratio(goal.scenario, "ours", goal.over)
            met = _met(min(found.median, cpu.median) >= goal.least)
            label = f"requests/s over {_name(goal.over)}, {goal.scenario}"
            lines.append(f"| {label} | ≥ {goal.least:g} | {show(found)} | {met} | {show(cpu)} |")
    if (STEADY, "ours") in table.slices:
        found = tail(table, STEADY, "ours")
        met = _met(found.median <= STEADY_GOAL)
        lines.append(f"| p99 over p50, {STEADY} | ≤ {STEADY_GOAL:g} | {show(found)} | {met} | |")
    return "\n".join(lines) + "\n"


def tail(table: Table, scenario: Scenario, name: str) -> Spread:
    """p99 over p50, round by round."""
    slices = table.slices[scenario, name]
    return Spread.of([item.p99 / item.p50 for item in slices if item.p50 and item.p99])


def scenario_table(table: Table, scenario: Scenario) -> str:
    """All servers in one scenario."""
    lines = [
        f"## {scenario}\n",
        "| server | requests/s | over in process | over Triton | p50 ms | p99 ms | p99/p50 | CPU ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in table.names():
        cells = [_name(name), f"{table.median(scenario, name, lambda item: item.rate):.0f}"]
        cells += [_ratio(table, scenario, name, other) for other in (IN_PROCESS, "triton")]
        if name == IN_PROCESS:
            cells += ["", "", ""]
        else:
            cells += [f"{table.median(scenario, name, lambda item: item.p50 or 0):.1f}"]
            cells += [f"{table.median(scenario, name, lambda item: item.p99 or 0):.1f}"]
            cells += [f"{tail(table, scenario, name).median:.2f}"]
        cells.append(f"{table.median(scenario, name, lambda item: item.cpu):.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n\n"


def flood_text(flood: Flood) -> str:
    """What became of a flood."""
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(flood.statuses.items()))
    ratio = flood.under / flood.quiet
    rows: Sequence[Sequence[str]] = (
        ("what came back", "none wrong", f"{statuses}; {flood.wrong} wrong", _met(not flood.wrong)),
        (
            "memory that the server took on",
            f"≤ {FLOOD_MEMORY:g} MB",
            f"{flood.memory:.0f} MB",
            _met(flood.memory <= FLOOD_MEMORY),
        ),
        (
            "the other client's p50 over its quiet p50",
            f"≤ {FLOOD_RATIO:g}",
            f"{ratio:.1f} ({flood.quiet:.1f} → {flood.under:.1f} ms, {flood.under_calls} calls)",
            _met(ratio <= FLOOD_RATIO),
        ),
    )
    lines = [
        "## A flood\n",
        f"One client sends {flood.requests:,} requests of batch 64 (4.2 MB each) at once, another sends "
        f"one sample at a time. Over in {flood.seconds:.0f} s.\n",
        "| figure | goal | measured | met |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n\n"


def growth_text(growth: Growth) -> str:
    """What became of the memory."""
    memory = ", ".join(f"{value:.0f}" for value in growth.memory)
    return (
        f"## Memory over {growth.requests:,} requests\n\n16 in flight, batch 1; MB resident after each "
        f"twentieth: {memory}. From the second to the last: {growth.grown:+.1f} MB.\n"
    )


def _ratio(table: Table, scenario: Scenario, name: str, over: str) -> str:
    if name == over or (scenario, over) not in table.slices:
        return ""
    return show(table.ratio(scenario, name, over))


def _name(name: str) -> str:
    return {"triton": "Triton", "kserve": "KServe", "mlserver": "MLServer"}.get(name, name)


def _met(is_met: bool) -> str:
    return "yes" if is_met else "no"
