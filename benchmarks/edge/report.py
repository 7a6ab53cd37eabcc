"""The page of what the SDK costs a device."""

from benchmarks.edge.figures import ROWS, Findings, Measured, Row
from benchmarks.edge.installed import UNUSED
from benchmarks.report import machine

HEAD = """# Benchmarks: the device's side

Written by `python -m benchmarks edge --out docs/edge-benchmarks.md`. The median over {rounds} interleaved
rounds with its quartiles, or over {few} for imports, memory and streams. Time is wall time; the client runs
on one core, the server on another, over loopback. Weights are random, images are noise, the wire is float16.

"""
TAIL = """
- **Its parts**: the encoder's graph with its decoy, a call with as many bytes each way that computes
  nothing, the processing graph in this process, the decoder's graph. *In turn*: one after another, as a
  prediction has them; the call goes to the same server, for a model that gives the first values of x back.
  What is left is the SDK's own: checks, key, noise, hiding, casts, revealing. *By the server*: encoder, a
  call of the model itself with bytes that are ready, decoder: each part where a prediction has it, and as
  cold. *With a stock server*: the call goes to a plain grpcio server that answers at once; then what our
  server does beside the graph counts too. *Alone*: each part again and again without the others between,
  with a stock server: caches are warm and the server never sleeps, as no prediction finds them.
- **The real network**: the same layers from the same description at the same split, k = 1, through the same
  server and transport, without decoy and secret: it hides nothing. The graphs alone, before any SDK, are
  how many times slower with k = 2 stands at the end of the row: k rows, and a decoy that the device encodes
  as well. *Prepared*: the decoys are an archive's, encoded ahead by `client.prepare`, so that the device
  encodes one image; each input is new, so its decoy is marked as used, on the disk, before x leaves.
- **Import**: `import sdk` in a fresh base install over `import torch, sdk` in the environment of
  development. gRPC and ONNX Runtime come with the first client and the first graph: the row of memory has
  the whole time.
- **Base install**: the size of all files in site-packages of a fresh environment: pip, which the
  environment brings, and what it compiled among them; 1 MB is 10⁶ bytes. No image files are read without
  the extra `images`. Pip and setuptools are the environment's (Python 3.12 brings no setuptools). *Without
  what no prediction loads*: these are deleted from site-packages, and the environment predicts as before. The
  first is ONNX Runtime once more, for programs in C.
{unused}
- **Streaming**: images a second of `predict_stream` with its default concurrency, over one by the slowest
  stage of calls one at a time. The stages are those that a stream overlaps: encode and hide; wire and
  cloud, which is all from sending x to having h; decode. Several requests are under way at once, so it may
  exceed 1. But on one core only waiting overlaps with anything: the row below puts the same stream over
  what the client's process works for an image, with its half of the wire.
"""


NOTES = "## What misses, and why"  # from this line on the page is written by hand


def with_notes(text: str, former: str) -> str:
    """The page, with what was written by hand at the end of the former one."""
    _, heading, notes = former.partition(NOTES)
    return f"{text}\n{heading}{notes}" if heading else text


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
    unused = "\n".join(f"  - `{pattern}`" for pattern in UNUSED)
    return "".join([*lines, TAIL.format(unused=unused)])


def _goal(row: Row) -> str:
    return f"{'≥' if row.at_least else '≤'} {row.goal:g} {row.unit}".strip()


def _cells(row: Row, measured: Measured) -> tuple[str, str, str]:
    spread, digits = measured.spread, 1 if row.unit else 3
    shown = f"**{spread.median:.{digits}f}**"
    if spread.lower != spread.upper:
        shown += f" ({spread.lower:.{digits}f} to {spread.upper:.{digits}f})"
    met = "yes" if row.is_met(spread.median) else "no"
    return f"{shown} {row.unit}".strip(), met, measured.parts
