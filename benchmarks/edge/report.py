"""The page of what the SDK costs a device."""

from benchmarks.edge.figures import ROWS, Findings, Measured, Row
from benchmarks.report import machine

HEAD = """# Benchmarks: the device's side

Written by `python -m benchmarks edge --out docs/edge-benchmarks.md`. The median over {rounds} interleaved
rounds with its quartiles, or over {few} for imports, memory and streams. Time is wall time; the client runs
on one core, the server on another, over loopback. Weights are random, images are noise, the wire is float16.

"""
TAIL = """
- **Sum of its parts**: the encoder's graph with its decoy, a call of a stock grpcio server that answers bytes
  of the same length at once, the processing graph in this process, the decoder's graph; each measured by
  itself in the same rounds, again and again without the others between. What is left is all else: the SDK's
  checks, key, noise, hiding and revealing, what our server does beside the graph, and that stages take turns.
- **The real network**: the same layers from the same description at the same split, k = 1, through the same
  server and transport, without decoy and secret: it hides nothing.
- **Import**: `import sdk` in a fresh base install over `import torch, sdk` in the environment of development.
- **Base install**: the size of all files in site-packages of a fresh environment, pip and what it compiled
  among them; 1 MB is 10⁶ bytes.
- **Streaming**: images a second of `predict_stream` with its default concurrency, over one by the slowest
  stage of calls one at a time. The stages are those that a stream overlaps: encode and hide; wire and cloud,
  which is all from sending x to having h; decode. Several requests are under way at once, so it may exceed 1.
"""


def render(findings: Findings, *, rounds: int, few: int) -> str:
    """Write the page.

    Args:
        findings: of all rows.
        rounds: of timings of calls.
        few: rounds of all else.

    Returns:
        Markdown.
    """
    lines = [HEAD.format(rounds=rounds, few=few), machine(), "\n"]
    lines += ["| figure | goal | measured | met | made of |\n", "|---|---|---|---|---|\n"]
    for name, row in ROWS.items():
        measured = findings.found.get(name)
        cells = _cells(row, measured) if measured else ("not measured", "", findings.missing.get(name, ""))
        lines.append(f"| {' | '.join((row.label, _goal(row), *cells))} |\n")
    return "".join([*lines, TAIL])


def _goal(row: Row) -> str:
    return f"{'≥' if row.at_least else '≤'} {row.goal:g} {row.unit}".strip()


def _cells(row: Row, measured: Measured) -> tuple[str, str, str]:
    spread, digits = measured.spread, 1 if row.unit else 3
    shown = f"**{spread.median:.{digits}f}**"
    if spread.lower != spread.upper:
        shown += f" ({spread.lower:.{digits}f} to {spread.upper:.{digits}f})"
    met = "yes" if row.is_met(spread.median) else "no"
    return f"{shown} {row.unit}".strip(), met, measured.parts
