"""ResNets for 32 × 32 images (He et al. 2016, section 4.2); split as section 5.1 says.

α: the encoder ends before the first 16 × 16 map, the decoder starts after the first 8 × 8 map.
β: the decoder is the last residual block and what follows. c = 1 in δ.
"""

from phasekey.model.description import (
    Activation,
    Architecture,
    AvgPool,
    BatchNorm,
    Classes,
    Conv,
    Flatten,
    Layer,
    Residual,
)

WIDTHS = (16, 32, 64)


def describe(depth: int, variant: str) -> Architecture:
    """depth = 6n + 2; feature 16 × 32 × 32, processed feature 64 × 8 × 8."""
    blocks = (depth - 2) // 6  # for each of the three stages
    stem: tuple[Layer, ...] = (_conv3(WIDTHS[0], 1), BatchNorm(), Activation())
    stages = [_stage(width, blocks, stage > 0) for stage, width in enumerate(WIDTHS)]
    body = tuple(layer for stage in stages for layer in stage)
    tail = (AvgPool(), Flatten(), Classes())
    encoder_end = len(stem) + len(stages[0])
    block = 2  # layers of one: the residual and its activation
    if variant == "alpha":
        decoder_start = encoder_end + len(stages[1]) + block
    else:
        decoder_start = len(stem) + len(body) - block
    return Architecture(f"resnet{depth}-{variant}", (*stem, *body, *tail), encoder_end, decoder_start)


def _stage(width: int, blocks: int, halves: bool) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for index in range(blocks):
        layers += [_block(width, 2 if halves and index == 0 else 1), Activation()]
    return tuple(layers)


def _block(width: int, stride: int) -> Residual:
    body = (_conv3(width, stride), BatchNorm(), Activation(), _conv3(width, 1), BatchNorm())
    shortcut = (Conv(width, 1, stride, bias=False), BatchNorm()) if stride > 1 else ()
    return Residual(body, shortcut)


def _conv3(width: int, stride: int) -> Conv:
    return Conv(width, 3, stride, padding=1, bias=False)
