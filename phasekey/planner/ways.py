"""Every way to run one network: whole, by JPEG, the paper's split, and an early split after each step."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from phasekey.model.description import Architecture
from phasekey.planner.errors import PlannerError
from phasekey.planner.latency import Work, frame_time, jpeg_bytes
from phasekey.planner.layers import LayerCost, head_operations, layer_costs

Decoys = Literal["prepared", "drawn"]
FLOAT16, FLOAT32 = 2, 4  # bytes of a value, as the default wire sends it and as plain networks answer


@dataclass(frozen=True)
class Hiding:
    """How inputs are hidden.

    Attributes:
        components: k, the rows that go out for one input.
        decoys: "prepared", encoded ahead of time, so that an answer takes one pass of the encoder; or "drawn"
            for each answer, which takes k.
        canonical: the cloud runs the plain network inside a frame; its encoder has no head.
    """

    components: int = 2
    decoys: Decoys = "prepared"
    canonical: bool = False

    @property
    def head(self) -> str:
        """What encoders of splits end in."""
        return "none" if self.canonical else "light"

    @property
    def passes(self) -> int:
        """Runs of the encoder while somebody waits."""
        return 1 if self.decoys == "prepared" else self.components


@dataclass(frozen=True)
class Ways:
    """All ways of one network.

    Attributes:
        local: the whole network on the device.
        jpeg: the image as JPEG to a cloud that runs the whole network; it sees the image.
        paper: the split of section 5.1, with its head and a decoy drawn for each answer.
        early: the one of `splits` that `--split early` makes; None for networks that have none.
        splits: one for each step at which the encoder may end; all but the last layer is the cloud's.
        own: of a bundle, as it was exported.
    """

    local: Work
    jpeg: Work
    paper: Work
    early: Work | None
    splits: tuple[Work, ...]
    own: Work | None = None

    @property
    def split(self) -> tuple[Work, ...]:
        """All that hide and ask the cloud, in the order of a table."""
        return (*([] if self.own is None else [self.own]), self.paper, *self.splits)

    @property
    def all(self) -> tuple[Work, ...]:
        """In the order of a table."""
        return (self.local, self.jpeg, *self.split)


def ways(
    architecture: Architecture, *, classes: int, image: tuple[int, int, int], hiding: Hiding,
    early_end: int | None = None,
) -> Ways:  # fmt: skip
    """Work out what each way computes and sends for one image.

    Args:
        architecture: the network.
        classes: values that it answers with.
        image: (C, H, W) of one input.
        hiding: components and decoys.
        early_end: layers before the early split, where the network has one.

    Returns:
        All ways; operations of the plain network in each part, k-fold in the cloud.

    Raises:
        PlannerError: fewer than two components.
        ModelError: the image is too small for the layers.
    """
    if hiding.components < 2:
        raise PlannerError(
            f"--components takes 2 or more (the input and at least one decoy), got {hiding.components}"
        )
    costs = layer_costs(architecture, classes=classes, image=image)
    whole = sum(cost.operations for cost in costs)
    last = len(costs) - 1
    ends = [index + 1 for index in range(last) if costs[index].ends_a_step and index + 1 < last]
    splits = {
        end: _split(_name(costs, end, end == early_end), costs, (end, last), hiding.head, hiding)
        for end in ends
    }
    return Ways(
        local=Work("whole network on the device", whole, 0, 0, 0, 0, remote=False),
        jpeg=Work("JPEG to the cloud", 0, whole, 0, jpeg_bytes(*image[1:]), FLOAT32 * classes, private=False),
        paper=_paper(architecture, costs, hiding.components),
        early=None if early_end is None else splits.get(early_end),
        splits=tuple(splits.values()),
    )


def _paper(architecture: Architecture, costs: Sequence[LayerCost], components: int) -> Work:
    cuts = architecture.encoder_end, architecture.decoder_start
    return _split("the paper's split", costs, cuts, "paper", Hiding(components, "drawn"))


def _split(name: str, costs: Sequence[LayerCost], cuts: tuple[int, int], head: str, hiding: Hiding) -> Work:
    """cuts: the first layer of the processing module and the first of the decoder."""
    start, end = cuts
    feature, processed = costs[start - 1].shape, costs[end - 1].shape
    sent = hiding.components * FLOAT16
    return Work(
        name,
        encode=hiding.passes * (_sum(costs[:start]) + head_operations(feature, head)),
        cloud=hiding.components * _sum(costs[start:end]),
        decode=_sum(costs[end:]),
        up=sent * math.prod(feature),
        down=sent * math.prod(processed),
        frame=frame_time(hiding.components) if hiding.canonical else 0.0,
    )


def _sum(costs: Sequence[LayerCost]) -> int:
    return sum(cost.operations for cost in costs)


def _name(costs: Sequence[LayerCost], end: int, early: bool) -> str:
    """Say where a cut lies: how many layers with weights come before it, and what goes out."""
    weighted = sum(cost.kind in ("Conv", "Linear", "Residual") for cost in costs[:end])
    shape = "×".join(map(str, costs[end - 1].shape))
    return f"{'early ' if early else ''}split after step {weighted} ({shape})"
