"""What a proof ends with, in a form that people and programs can read."""

from __future__ import annotations

from dataclasses import dataclass, field

EXACT = "exact"
QUANTISED = "up to quantisation"


@dataclass(frozen=True)
class Failure:
    """The first place where the proof stops.

    Attributes:
        node: the node's name, or its position as ``#12``; ``(input)`` or ``(output)`` for the graph's ends.
        op: its operator.
        tensor: the tensor that could not be typed.
        rule: what the rule asks for, and what it met.
    """

    node: str
    op: str
    tensor: str
    rule: str

    def __str__(self) -> str:
        return f"node {self.node} ({self.op}), tensor {self.tensor!r}: {self.rule}"


@dataclass(frozen=True)
class TensorFact:
    """One line of the table of types."""

    name: str
    made_by: str
    shape: str
    type: str


@dataclass(frozen=True)
class Verdict:
    """Whether Φ(QM) = QΦ(M) was proved of a graph, for every Q of a group (one for each sample).

    Attributes:
        proved: whether it was.
        grade: "exact" in exact arithmetic (rounding of floating point remains), or "up to quantisation"
            where the graph quantises on the way; empty if not proved.
        input: the input that is rotated; outputs: the outputs proved, or asked for.
        failure: where the proof stopped; None if proved.
        tensors: every tensor's type, in the order of the graph.
        group: "SO(2)" (rotations), "O(k)" with k written out (reflections too), or "samples": then it is
            proved that each sample is treated by itself, all alike.
    """

    proved: bool
    grade: str
    input: str
    outputs: tuple[str, ...]
    failure: Failure | None = None
    tensors: tuple[TensorFact, ...] = field(default=(), repr=False)
    group: str = "SO(2)"

    def __str__(self) -> str:
        if self.failure:
            return f"not proved: {self.failure}"
        qualifier = "" if self.grade == EXACT else f" {self.grade}"
        outputs = ", ".join(self.outputs)
        if self.group == "samples":
            return f"proved{qualifier}: each sample of {self.input!r} is treated by itself, and all alike"
        what, one = ("angle", "an") if self.group == "SO(2)" else (f"matrix of {self.group}", "a")
        return (
            f"proved{qualifier}: turning each sample of {self.input!r} by {one} {what} of its own "
            f"turns that sample of {outputs!r} by the same {what}, for every {what} and batch size"
        )
