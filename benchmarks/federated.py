"""The first table of docs/federated.md: devices together, beside all their images in one place.

Usage, in Flower's environment: python -m benchmarks.federated --seeds 0 1 2 3 --aggregate secagg plain
"""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from phasekey.federated.local import local_update
from phasekey.federated.running import Job
from phasekey.federated.settings import Aggregate, Rounds, Terms
from phasekey.federated.simulation import Dealt, gather, simulate_here, train_start
from phasekey.federated.travelling import put, renew_norms, take
from phasekey.federated.updates import add
from phasekey.model import SplitNetwork
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.data.dataset import Split
from phasekey.training.data.registry import load_dataset
from phasekey.training.evaluate import EVALUATION_BATCH, to_float
from phasekey.training.loop.objective import num_correct

DRAWS = 10  # of decoys and secrets, which an accuracy is the mean of
UNBOUNDED = 1e9  # clip norm in one place, where nothing has to be clipped
LABELS = {"start": "start", "place": "in one place"}


@dataclass(frozen=True)
class Setting:
    """What is compared, for one seed.

    Attributes:
        start: checkpoint to begin with.
        dealt: who holds what.
        terms: of each device's round.
        rounds: number of them.
    """

    start: Path
    dealt: Dealt
    terms: Terms
    rounds: int


def main() -> None:
    """Print a row for each seed, and what it comes to over all."""
    args = _parser().parse_args()
    columns = ["start", *args.aggregate, "place"]
    print("| seed | " + " | ".join(LABELS.get(column, f"`{column}`") for column in columns) + " |")
    print("|---|" + "---|" * len(columns))
    found: list[dict[str, float]] = []
    for seed in tqdm(args.seeds, unit="seed"):
        work = args.work / str(seed)
        dealt = gather(load_dataset(args.data), args.clients, args.split, seed)
        start = train_start(dealt, args.data, work / "start", seed)
        setting = Setting(start, dealt, Terms(epochs=args.epochs), args.rounds)
        found.append({"start": accuracy(load_checkpoint(start).network, dealt.dataset.test)})
        for mode in args.aggregate:
            found[-1][mode] = together(setting, mode, work / mode)
        found[-1]["place"] = in_one_place(setting, seed)
        tqdm.write(f"| {seed} | " + " | ".join(f"{found[-1][column]:.3f}" for column in columns) + " |")
    for mode in args.aggregate:
        print(f"{mode} / in one place: {_interval([row[mode] / row['place'] for row in found])}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="digits", help="as phasekey train --data (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], metavar="N", help="of dealing and start")
    parser.add_argument(
        "--aggregate", nargs="+", choices=("secagg", "plain"), default=["secagg"], help="modes to compare"
    )
    parser.add_argument("--clients", type=int, default=8, metavar="N", help="devices (default: %(default)s)")
    parser.add_argument(
        "--split", default="dirichlet:0.5", help="how images are dealt (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds (default: %(default)s)")
    parser.add_argument(
        "--epochs", type=int, default=4, metavar="N", help="passes in a round (default: %(default)s)"
    )
    parser.add_argument(
        "--work", type=Path, default=Path("build/federated-figures"), metavar="FOLDER",
        help="for checkpoints; starts that are there are taken (default: %(default)s)",
    )  # fmt: skip
    return parser


def together(setting: Setting, mode: Aggregate, out: Path) -> float:
    """Accuracy after rounds of devices in this process; Flower's messages and sums, and each round proved."""
    shutil.rmtree(out, ignore_errors=True)
    count = len(setting.dealt.devices)
    rounds = Rounds(setting.rounds, count, count, aggregate=mode, wait=2)
    job = Job(setting.start, setting.dealt.public, rounds, setting.terms, out, tqdm.write)
    network = load_checkpoint(simulate_here(job, setting.dealt)).network
    return accuracy(network, setting.dealt.dataset.test)


def in_one_place(setting: Setting, seed: int) -> float:
    """Accuracy after as many passes over all devices' images together."""
    network = load_checkpoint(setting.start).network
    weights, dealt = take(network), setting.dealt
    rows, train = np.concatenate(dealt.devices), dealt.dataset.train
    terms = replace(setting.terms, epochs=setting.rounds * setting.terms.epochs, clip_norm=UNBOUNDED)
    split = Split(train.images[rows], train.labels[rows])
    update = local_update(network, weights, split, dealt.dataset.augment, terms, seed)
    put(network, add(weights, update.change))
    renew_norms(network, dealt.public.proxy)
    return accuracy(network, dealt.dataset.test)


@torch.no_grad()
def accuracy(network: SplitNetwork, test: Split) -> float:
    """Share of right answers through the secret, the mean of ten draws of decoys and secrets."""
    images = torch.from_numpy(np.ascontiguousarray(test.images[:]))
    labels, right = torch.from_numpy(test.labels), 0.0
    for draw in range(DRAWS):
        torch.manual_seed(draw)
        for rows in torch.tensor_split(torch.randperm(len(images)), -(-len(images) // EVALUATION_BATCH)):
            right += num_correct(network.eval()(to_float(images[rows])), labels[rows])
    return right / (DRAWS * len(images))


def _interval(ratios: Sequence[float]) -> str:
    """The mean, and where there are several its 95% interval by Student's t."""
    from scipy import stats

    middle = float(np.mean(ratios))
    if len(ratios) < 2:
        return f"{middle:.3f}"
    reach = float(stats.t.ppf(0.975, len(ratios) - 1) * np.std(ratios, ddof=1) / len(ratios) ** 0.5)
    return (
        f"{middle:.3f} (95% interval over {len(ratios)} seeds {middle - reach:.3f} to {middle + reach:.3f})"
    )


if __name__ == "__main__":
    main()
