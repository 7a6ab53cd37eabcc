"""Ways to put checked and clipped updates together that bear a few bad ones: functions of Flower's."""

from collections.abc import Callable

import numpy as np
from flwr.server.strategy.aggregate import aggregate_krum, aggregate_median, aggregate_trimmed_avg

from phasekey.federated.settings import Rounds
from phasekey.federated.updates import Arrays, Update, mean

TRIMMED = 0.2  # share of devices left out at either end, for each weight
BAD = 4  # one device in so many may be bad, for krum


def combiner(rounds: Rounds) -> Callable[[list[Update]], Arrays]:
    """Choose how a round's updates are put together.

    Args:
        rounds: their strategy. `mean` weighs by images; median (Yin et al. 2018), trimmed-mean (the same) and
            krum (Blanchard et al. 2017) count each device once, whatever it says of its images.
    """
    if rounds.strategy == "mean":
        return lambda updates: mean(updates, rounds.max_examples)

    def combine(updates: list[Update]) -> Arrays:
        pairs = [(update.change, 1) for update in updates]
        if rounds.strategy == "median":
            found = aggregate_median(pairs)
        elif rounds.strategy == "trimmed-mean":
            found = aggregate_trimmed_avg(pairs, TRIMMED)
        else:
            found = aggregate_krum(pairs, len(pairs) // BAD, 0)
        return [np.asarray(part, np.float32) for part in found]

    return combine
