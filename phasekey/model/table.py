"""The table of all networks: where they are split, and what each side of the wire holds and does.

`python -m phasekey.model.table` prints docs/networks.md.
"""

import math
import sys
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from phasekey.model import SplitNetwork, build_network
from phasekey.model.architectures import NAMES, VARIANTS, describe
from phasekey.model.counting import Work, count_parameters, count_work

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
SHARES = """\
## What a device does

Operations on the device while somebody waits, over those of the whole original network. The paper's split
(ResNets: α) draws a decoy for each answer, so the encoder runs twice; the early one (`--split early`, head
`light`) takes decoys that were encoded beforehand. {classes} classes. Bytes are those of one component in
float16; k of them travel.
"""
CANONICAL = """\
## The canonical form

`--form canonical` is the plain network, whose processing module an orthogonal secret passes through: the
cloud finds a frame V(X) with V(QX) = Q V(X), runs the plain layers on the rows of VᵀX, k samples for one, and
turns their answers back by V. It is trained as the plain network is, and answers as it does where V finds the
rows ([record 44](adr/0044-a-canonical-frame-in-place-of-norm-gates.md) has the figures). The device does what
it does in the form `original`. In the cloud the frame adds some 550 small operators: at k = 2 0.6 million
operations for LeNet's feature and 0.7 million for a ResNet's early one, and half a millisecond or a little
more on one core: of a ResNet-8 the cloud's part takes about three times what the plain network alone takes
(k = 2, 0.96 ms against 0.38, eight at once 10.7 against 3.3); of deep networks the frame is lost beside the
layers. `phasekey plan --form canonical` counts it. What it hides:
[one of k](privacy.md#the-canonical-form), as a permutation does.

When to choose it: where the secret has to be orthogonal, the decoys are an archive of other inputs, and
accuracy matters. ResNets above all: cut early, k = 2, norm gates cost a ResNet-8 more than ten points, the
frame none (ResNet-8 0.00, ResNet-20 0.04). Where a permutation will do, `--mode anonymous` hides the same for
less. When not: rows that are much alike. Of handwritten digits 4.2% get more than one label over ten secrets
(record 44; 5.1% of a network trained anew; the goal was 1%), where norm gates that were trained for it leave
0.85%:

```sh
phasekey train --data digits --epochs 4 --form canonical --components 2 --out runs/canonical
phasekey train --data digits --epochs 40 --secret orthogonal --components 2 --decoy archive \\
    --draws 4 --consistency 20 --out runs/steady
phasekey controls --ckpt runs/canonical/model.pt
```

The last says how many, as `model.pt` and the model card do.
"""
SHARES_HEAD = (
    "network",
    "whole, million operations",
    "paper's split",
    "early split, million operations",
    "early split",
    "its feature",
    "bytes of a component",
)
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
    for name in sorted(set(NAMES) - {"resnet8"}, key=NAMES.index):  # of which the paper has none
        for variant in VARIANTS if name.startswith("resnet") else (None,):
            yield name, variant


def page() -> str:
    """Write docs/networks.md: all networks as the paper splits them, what splits ask of a device, a form."""
    paper = _table(HEAD, (_row(arch, variant) for arch, variant in networks()))
    shares = _table(SHARES_HEAD, map(_shares, NAMES))
    return (
        f"{HEADER.format(classes=CLASSES)}\n{paper}\n{SHARES.format(classes=CLASSES)}\n{shares}\n{CANONICAL}"
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ("---",) * len(head), *rows))


def _shares(arch: str) -> tuple[str, ...]:
    """Say what a device does of one network, whole, by the paper's split and by the early one."""
    whole = count_work(_on_meta(arch, form="original")).whole
    paper = count_work(_on_meta(arch))
    network = _on_meta(arch, split="early", head="light", decoy="archive", secret="orthogonal")
    early, feature = count_work(network).device, network.feature_shape
    return (
        arch,
        f"{whole / 1e6:,.2f}",
        f"{(_encode(paper) + paper.decoder) / whole:.0%}",
        f"{early / 1e6:,.2f}",
        f"{early / whole:.1%}",
        _shape(feature),
        f"{2 * math.prod(feature):,}",
    )


def _encode(work: Work) -> int:
    """As the paper counts: a pass for the image and one for the decoy's, wherever that image is from."""
    return (1 + work.drawn) * work.encoder


def _on_meta(arch: str, variant: str | None = None, **options: Any) -> SplitNetwork:
    side = describe(arch, variant).image_size
    with torch.device("meta"):  # shapes without the work
        image = (3, side, side)
        return build_network(arch, variant=variant, classes=CLASSES, image=image, **options).eval()


def _row(arch: str, variant: str | None) -> tuple[str, ...]:
    network = _on_meta(arch, variant)
    counted = count_work(network)
    work = (_encode(counted), counted.processing, counted.decoder)
    return (
        f"{arch}{' α' if variant == 'alpha' else ' β' if variant else ''}",
        _shape(network.image),
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
