"""The paper's networks (section 5.1), one small file each; a new one is a file and a line here.

Each can be split where the paper says, or early: the encoder ends after the stem or the first block, and the
decoder is the last layer alone. What the device then does is a small part of the whole (docs/networks.md).
"""

from dataclasses import replace
from typing import Literal, get_args

from phasekey.model.architectures import alexnet, lenet, resnet, vgg16
from phasekey.model.description import Architecture
from phasekey.model.errors import ModelError

VARIANTS = ("alpha", "beta")
Split = Literal["paper", "early"]
SPLITS: tuple[Split, ...] = get_args(Split)

_PLAIN = {"lenet": lenet.describe, "vgg16": vgg16.describe, "alexnet": alexnet.describe}
_RESNETS = {f"resnet{depth}": depth for depth in (8, 20, 32, 44, 56, 110)}
NAMES: tuple[str, ...] = (*_PLAIN, *_RESNETS)
# Layers before an early split: a convolution with what follows it, of VGG-16 the first stage (two of them).
# After one alone its map would be 64 × 224 × 224, twenty times the image.
_EARLY_ENDS = {"lenet": 3, "vgg16": 7, "alexnet": 3, **dict.fromkeys(_RESNETS, 3)}


def describe(arch: str, variant: str | None = None, split: Split = "paper") -> Architecture:
    """Look up the description of `--arch`, `--variant` and `--split`.

    Args:
        arch: one of NAMES.
        variant: alpha (where None) or beta, where the paper splits a ResNet; other networks have none.
        split: where the paper says, or early; then there is no variant.

    Raises:
        ModelError: for an unknown network, variant or split.
    """
    if split not in SPLITS:
        raise ModelError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    if split == "early" and variant is not None:
        raise ModelError(f"variant {variant!r} says where the paper splits a ResNet; an early split has none")
    whole = _describe(arch, variant)
    if split == "paper":
        return whole
    name, last = f"{arch}-early", len(whole.layers) - 1
    return replace(whole, name=name, encoder_end=_EARLY_ENDS[arch], decoder_start=last)


def _describe(arch: str, variant: str | None) -> Architecture:
    if arch in _RESNETS:
        if (variant or "alpha") not in VARIANTS:
            raise ModelError(f"unknown variant {variant!r} of {arch}; choose alpha or beta")
        return resnet.describe(_RESNETS[arch], variant or "alpha")
    if arch not in _PLAIN:
        raise ModelError(f"unknown network {arch!r}; choose one of {', '.join(NAMES)}")
    if variant is not None:
        raise ModelError(f"{arch} has no variants, but variant {variant!r} was asked for; leave it out")
    return _PLAIN[arch]()
