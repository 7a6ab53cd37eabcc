"""The table of all networks: where they are split, and what each side of the wire holds and does.

`python -m phasekey.model.table` prints docs/networks.md.
"""

import math
import sys
from collections.abc import Iterable

import torch
from torch import nn

from phasekey.model import SplitNetwork, build_network
from phasekey.model.architectures import NAMES, VARIANTS, describe
from phasekey.model.counting import count_operations, count_parameters

CLASSES = 10
HEADER = """\
# The networks

Split as section 5.1 and Figure 1b of the paper say, in the complex form, for {classes} classes; where the
paper is ambiguous, [record 9](adr/0009-reading-of-the-architectures.md) tells what we read. Operations are
those of convolutions and matrix products for one image, an addition and a multiplication counted as two;
the encoder's are doubled, because it runs on the decoy's image too. Bytes are those of x and h in float32;
the default wire, float16, halves them.

Written by `python -m phasekey.model.table`; a test holds it to the code.
"""
HEAD = (
    "network",
    "image",
    "feature a",
    "processed feature",
    "parameters: encoder / processing / decoder",
    "million operations: encoder / processing / decoder",
    "bytes up / down",
)


def networks() -> Iterable[tuple[str, str | None]]:
    """(--arch, --variant) of every network: 13 in all."""
    for name in NAMES:
        for variant in VARIANTS if name.startswith("resnet") else (None,):
            yield name, variant


def page() -> str:
    """Write the text of docs/networks.md."""
    rows = [HEAD, ("---",) * len(HEAD), *(_row(arch, variant) for arch, variant in networks())]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return HEADER.format(classes=CLASSES) + "\n" + table + "\n"


def _row(arch: str, variant: str | None) -> tuple[str, ...]:
    side = describe(arch, variant).image_size
    with torch.device("meta"):  # shapes without the work
        network = build_network(arch, variant=variant, classes=CLASSES, image=(3, side, side)).eval()
        image = torch.zeros(1, 3, side, side)
        x = torch.zeros(1, 2 * network.feature_shape[0], *network.feature_shape[1:])
        real = torch.zeros(1, *network.processed_shape)
        work = (
            2 * count_operations(network.encoder, image),
            count_operations(network.processing, x),
            count_operations(network.decoder, real),
        )
    return (
        f"{arch}{' α' if variant == 'alpha' else ' β' if variant else ''}",
        _shape((3, side, side)),
        _shape(network.feature_shape),
        _shape(network.processed_shape),
        " / ".join(f"{count_parameters(part):,}" for part in _parts(network)),
        " / ".join(f"{value / 1e6:,.2f}" for value in work),
        f"{8 * math.prod(network.feature_shape):,} / {8 * math.prod(network.processed_shape):,}",
    )


def _parts(network: SplitNetwork) -> tuple[nn.Module, nn.Module, nn.Module]:
    return network.encoder, network.processing, network.decoder


def _shape(sizes: tuple[int, ...]) -> str:
    return " × ".join(map(str, sizes))


if __name__ == "__main__":
    sys.stdout.write(page())
