"""The walk: every tensor of the graph gets a type, node by node, and the outputs must turn with the input.

Soundness. A type is a statement about a tensor under all rotations of the input (see types.py) and, through
sizes a·N + b, about all batch sizes N ≥ 1 at once. Each rule gives a type only where it follows from the
types of the node's inputs; a node without a rule is invariant if all its inputs are and the operator is a
function, else unknown. So what is proved holds, in exact arithmetic, wherever the graph's values are finite.
What is not proved may hold all the same: docs/adr/0010 lists what the rules cannot see.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx

from export.proof import facts
from export.proof.apply import apply
from export.proof.constants import constant, content_key
from export.proof.group import ROTATIONS, Group
from export.proof.layout import Layout
from export.proof.numbering import Numbering
from export.proof.rules.common import all_invariant
from export.proof.rules.quantisation import OPERATORS as QUANTISERS
from export.proof.sizes import show
from export.proof.step import Step
from export.proof.types import Component, Invariant, Paired, Refused, Shifted, Tensor, Unknown
from export.proof.verdict import EXACT, QUANTISED, Failure, TensorFact, Verdict

PHASEKEY_LAYOUT = Layout()
_UNREAD = Tensor(None, Unknown("it is no weight, input or output of a node that the proof can read"))


def prove(
    source: onnx.ModelProto | Path,
    *,
    rotated: str | None = None,
    outputs: Sequence[str] = (),
    layout: Layout = PHASEKEY_LAYOUT,
    group: Group = ROTATIONS,
) -> Verdict:
    """Prove Φ(QM) = QΦ(M) of an ONNX graph, for every Q of the group, one for each sample.

    Of rotations that is Eq. 4, Φ(e^{iθ}f) = e^{iθ}Φ(f).

    Args:
        source: the graph, or its file.
        rotated: the input that turns; may be left out if there is one. Other inputs are held fixed.
        outputs: the outputs that must turn with it; all of them if left out.
        layout: how the parts lie in that input and those outputs.
        group: the rotations of a pair, or the orthogonal matrices on k components.

    Raises:
        UnreadableGraphError: not a valid graph, an opset without rules, or no such input or output.
    """
    model = facts.read(source)
    version = facts.opset(model)
    name = facts.chosen_input(model.graph, rotated)
    wanted = facts.chosen_outputs(model.graph, outputs)
    walk = _Walk(model.graph, version, name, layout, group)
    walk.run(wanted)
    return walk.verdict(wanted)


class _Walk:
    """The types found so far, and the first that could not be found."""

    def __init__(
        self, graph: onnx.GraphProto, version: int, rotated: str, layout: Layout, group: Group
    ) -> None:
        self.graph, self.version, self.rotated = graph, version, rotated
        self.layout, self.group = layout, group
        self.numbering = Numbering()
        self.known: dict[str, Tensor] = {}
        self.makers: dict[str, tuple[str, str]] = {}
        self.failure: Failure | None = None
        self.quantised = False

    def run(self, outputs: Sequence[str]) -> None:
        """Type every tensor that the outputs need."""
        for name, stored in facts.weights(self.graph).items():
            self.known[name] = constant(stored, self.numbering.number(content_key(stored)))
        for value in self.graph.input:
            if value.name not in self.known:
                self._keep(value.name, self._input(value), ("(input)", "Input"))
        nodes = facts.needed(self.graph, outputs)
        read = {name for _, node in nodes for name in node.input} | set(outputs)
        for position, node in nodes:
            self._step(node, node.name or f"#{position}", read)

    def _input(self, value: onnx.ValueInfoProto) -> Tensor:
        number = self.numbering.number("input", value.name)
        if value.name != self.rotated:
            return Tensor(facts.fixed_input_shape(value), Invariant(), number)
        try:
            self.quantised = facts.is_quantised(value)
            shape = facts.input_shape(value)
            type_ = self.layout.type(shape, self.group)
            return Tensor(shape, Shifted(type_, 0) if self.quantised else type_, number)
        except Refused as refused:
            return Tensor(None, Unknown(str(refused)), number)

    def _step(self, node: onnx.NodeProto, name: str, read: set[str]) -> None:
        inputs = tuple(self.known.get(tensor, _UNREAD) if tensor else None for tensor in node.input)
        step = Step(node, inputs, self.version, self.numbering, self.group)
        if step.op in QUANTISERS and not all_invariant(step.tensors):
            self.quantised = True
        for output, tensor in zip(node.output, apply(step), strict=True):
            if output in read:
                self._keep(output, tensor, (name, step.op))

    def _keep(self, name: str, tensor: Tensor, maker: tuple[str, str]) -> None:
        self.known[name], self.makers[name] = tensor, maker
        if isinstance(tensor.type, Unknown) and self.failure is None:
            self.failure = Failure(*maker, name, tensor.type.reason)

    def verdict(self, outputs: tuple[str, ...]) -> Verdict:
        """Whether all outputs turn with the input, and the table of types."""
        failures = (self._output_failure(name) for name in outputs)
        failure = self.failure or next((found for found in failures if found), None)
        grade = "" if failure else QUANTISED if self.quantised else EXACT
        return Verdict(
            failure is None, grade, self.rotated, outputs, failure, tuple(self._table()), str(self.group)
        )

    def _output_failure(self, name: str) -> Failure | None:
        tensor = self.known.get(name, _UNREAD)
        maker = self.makers.get(name, ("(weight)", "Constant"))
        try:
            expected = self.layout.type(tensor.shape or (), self.group)
        except Refused as refused:
            return Failure(*maker, name, f"the output is {tensor}; {refused}")
        found = tensor.type
        if isinstance(found, Shifted) and found.zero_point == 0:  # whole numbers, as an int8 wire takes them
            found = found.inside
        return None if found == expected else Failure(*maker, name, _difference(tensor, expected))

    def _table(self) -> list[TensorFact]:
        return [
            TensorFact(name, " ".join(self.makers[name]), show(tensor.shape), str(tensor.type))
            for name, tensor in self.known.items()
            if name in self.makers
        ]


def _difference(tensor: Tensor, expected: Paired) -> str:
    if isinstance(tensor.type, Paired) and tensor.type.kind is expected.kind:
        return (
            f"the output turns with the input, but its parts lie as {tensor.type.pair} "
            f"(sample: {tensor.type.sample}), not as {expected.pair} (sample: {expected.sample})"
        )
    if isinstance(tensor.type, Component):
        return f"the output is one part without its partner: {tensor.type}"
    return f"the output does not turn with the input; it is: {tensor.type}"
