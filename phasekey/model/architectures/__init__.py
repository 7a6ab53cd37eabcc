"""The paper's networks (section 5.1), one small file each; a new one is a file and a line here."""

from phasekey.model.architectures import alexnet, lenet, resnet, vgg16
from phasekey.model.description import Architecture
from phasekey.model.errors import ModelError

VARIANTS = ("alpha", "beta")

_PLAIN = {"lenet": lenet.describe, "vgg16": vgg16.describe, "alexnet": alexnet.describe}
_RESNETS = {f"resnet{depth}": depth for depth in (20, 32, 44, 56, 110)}
NAMES: tuple[str, ...] = (*_PLAIN, *_RESNETS)


def describe(arch: str, variant: str | None = None) -> Architecture:
    """Look up the description of `--arch` and `--variant`.

    Args:
        arch: one of NAMES.
        variant: alpha (where None) or beta, where a ResNet is split; other networks have none.

    Raises:
        ModelError: for an unknown network or variant.
    """
    if arch in _RESNETS:
        if (variant or "alpha") not in VARIANTS:
            raise ModelError(f"unknown variant {variant!r} of {arch}; choose alpha or beta")
        return resnet.describe(_RESNETS[arch], variant or "alpha")
    if arch not in _PLAIN:
        raise ModelError(f"unknown network {arch!r}; choose one of {', '.join(NAMES)}")
    if variant is not None:
        raise ModelError(f"{arch} has no variants, but variant {variant!r} was asked for; leave it out")
    return _PLAIN[arch]()
