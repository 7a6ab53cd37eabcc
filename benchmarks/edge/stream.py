"""A stream's throughput beside the slowest of its stages, and beside what the client's one core has to do."""

import statistics
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.edge.figures import Measured
from benchmarks.interleave import Spread
from sdk import EdgeClient, Timings

STAGES = ("encode and hide", "wire and cloud", "decode")
Stages = tuple[float, ...]


def measure(
    client: EdgeClient, images: Sequence[np.ndarray], *, rounds: int, alone: int = 40
) -> tuple[list[Stages], list[float], list[float]]:
    """Predict one at a time and then in a stream, round by round.

    Args:
        client: with its default concurrency.
        images: of one stream.
        rounds: how many.
        alone: predictions one at a time in each round.

    Returns:
        Of each round the seconds that each of STAGES takes for an image, the seconds that the stream took for
        one, and the seconds that this process worked for it, all threads together.
    """
    stages, streamed, worked = [], [], []
    for _ in range(rounds):
        stages.append(stages_of([client.predict(image).timings for image in images[:alone]]))
        start, work = time.perf_counter(), time.process_time()
        count = sum(1 for _ in client.predict_stream(images))
        streamed.append((time.perf_counter() - start) / count)
        worked.append((time.process_time() - work) / count)
    return stages, streamed, worked


def stages_of(timings: Sequence[Timings]) -> Stages:
    """Medians of what a stream overlaps: the device before, what it waits for, the device after."""
    each = [(one.encode + one.hide, one.wire + one.cloud, one.decode) for one in timings]
    return tuple(statistics.median(values) for values in zip(*each, strict=True))


def over_slowest(stages: Sequence[Stages], streamed: Sequence[float]) -> Measured:
    """Images a second over one by its slowest stage, round by round; 1 is a stream that hides all others."""
    spread = Spread.of([max(each) / seconds for each, seconds in zip(stages, streamed, strict=True)])
    medians = [statistics.median(values) for values in zip(*stages, strict=True)]
    texts = [f"{name} {1e6 * value:.0f}" for name, value in zip(STAGES, medians, strict=True)]
    texts.append(f"streamed {1e6 * statistics.median(streamed):.0f}")
    return Measured(spread, f"µs an image: {', '.join(texts)}")


def over_core(worked: Sequence[float], streamed: Sequence[float]) -> Measured:
    """Images a second over one by the work of the client's core; 1 is a stream that never lets it wait."""
    spread = Spread.of([a / b for a, b in zip(worked, streamed, strict=True)])
    work, whole = (1e6 * statistics.median(seconds) for seconds in (worked, streamed))
    return Measured(spread, f"µs an image: work {work:.0f}, streamed {whole:.0f}")
