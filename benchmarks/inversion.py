"""The picture of docs/federated.md: what gradient inversion makes of an update, a sum, a masked vector.

Usage: python -m benchmarks.inversion --out docs/federated-inversion.png
"""

import argparse
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import Tensor

from phasekey.federated.inversion import invert, likeness
from phasekey.federated.local import local_update
from phasekey.federated.settings import Terms
from phasekey.federated.simulation import gather, train_start
from phasekey.federated.travelling import take
from phasekey.federated.updates import Arrays, mean
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.data.dataset import Split
from phasekey.training.data.registry import load_dataset

DEVICES, EACH, STEPS, CASES = 8, 2, 600, 4


def main() -> None:
    """Draw, and print each likeness."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="PNG")
    parser.add_argument("--work", type=Path, default=Path("build/inversion"), metavar="FOLDER")
    args = parser.parse_args()
    dealt = gather(load_dataset("digits"), DEVICES, "iid", 0)
    start = train_start(dealt, "digits", args.work)
    generator = np.random.default_rng(0)
    columns = []
    for case in range(CASES):
        held = [_two_of(dealt.held(device), generator) for device in range(DEVICES)]
        columns.append(_column(start, held))
        print(f"case {case + 1}:", *(f"{name} {score:.2f}" for name, score, _ in columns[-1][1:]))
    _draw(columns, args.out)


def _two_of(split: Split, generator: np.random.Generator) -> Split:
    rows = generator.choice(len(split), EACH, replace=False)
    return replace(split, images=split.images[rows], labels=split.labels[rows])


def _column(start: Path, held: list[Split]) -> list[tuple[str, float, Tensor]]:
    """What one device has, and what is made of its update, of the sum of all, and of a masked vector."""
    weights = take(load_checkpoint(start).network)
    updates = [
        local_update(load_checkpoint(start).network, weights, split, "none", Terms(), seed)
        for seed, split in enumerate(held)
    ]
    generator = np.random.default_rng(0)
    masked = [generator.normal(size=part.shape).astype(np.float32) for part in weights]
    seen: dict[str, Arrays] = {
        "from its update": updates[0].change,
        "from the sum of 8": mean(updates, 1000.0),
        "from a masked vector": masked,
    }
    true = torch.from_numpy(held[0].images[:]).permute(0, 3, 1, 2).float() / 255
    labels = torch.from_numpy(held[0].labels)
    column = [("a device's two images", 1.0, true)]
    for name, change in seen.items():
        found = invert(load_checkpoint(start).network, weights, change, labels, steps=STEPS)
        column.append((name, likeness(found, true), found))
    return column


def _draw(columns: list[list[tuple[str, float, Tensor]]], path: Path) -> None:
    rows = len(columns[0])
    figure, axes = plt.subplots(rows, len(columns), figsize=(2.4 * len(columns), 1.45 * rows))
    for across, column in enumerate(columns):
        for down, (name, score, images) in enumerate(column):
            axis = axes[down, across]
            axis.imshow(np.concatenate(list(images[:, 0].numpy()), axis=1), cmap="gray", vmin=0, vmax=1)
            axis.set_xticks([])
            axis.set_yticks([])
            axis.set_xlabel("" if down == 0 else f"likeness {score:.2f}", fontsize=8)
            if across == 0:
                axis.set_ylabel(name.replace(" ", "\n", 1), fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
