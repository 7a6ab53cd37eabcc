"""The walk: each tensor's samples are followed to the outputs, which must hold one at each index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx

from export.proof import facts
from export.proof.constants import constant, content_key, fold
from export.proof.numbering import Numbering
from export.proof.samples.rules import QUANTISERS, Held, apply
from export.proof.sizes import BATCH, ONE, NotLinear, show
from export.proof.step import Step
from export.proof.types import Factor, Invariant, Refused, Tensor
from export.proof.verdict import EXACT, QUANTISED, Failure, TensorFact, Verdict

SAMPLES_ALIKE = "samples"  # in place of a group, in the verdict


def prove_samples_alike(source: onnx.ModelProto | Path) -> Verdict:
    """Prove that a graph of one input treats each sample of the batch by itself, all alike.

    Args:
        source: the graph, or its file; its batch, axis 0, must be open.

    Raises:
        UnreadableGraphError: not a valid graph, an opset without rules, or several inputs.
    """
    model = facts.read(source)
    walk = _Walk(model.graph, facts.opset(model), facts.chosen_input(model.graph, None))
    outputs = facts.chosen_outputs(model.graph, ())
    return walk.run(outputs)


class _Walk:
    """What is known of each tensor so far, and the first place where a rule failed."""

    def __init__(self, graph: onnx.GraphProto, version: int, name: str) -> None:
        self.graph, self.version, self.name = graph, version, name
        self.numbering = Numbering()
        self.known: dict[str, Held] = {}
        self.makers: dict[str, tuple[str, str]] = {}
        self.quantised = False

    def run(self, outputs: tuple[str, ...]) -> Verdict:
        """The verdict on all outputs."""
        for name, stored in facts.weights(self.graph).items():
            number = self.numbering.number(content_key(stored))
            self.known[name] = Held(constant(stored, number), None)
        try:
            failure = self._type_input() or self._type_nodes(outputs) or self._check(outputs)
        except NotLinear:
            failure = Failure("(graph)", "", self.name, "a size depends on the batch in an unknown way")
        grade = "" if failure else QUANTISED if self.quantised else EXACT
        return Verdict(failure is None, grade, self.name, outputs, failure, self._table(), SAMPLES_ALIKE)

    def _type_input(self) -> Failure | None:
        (value,) = [value for value in self.graph.input if value.name == self.name]
        self.makers[self.name] = ("(input)", "Input")
        try:
            shape = facts.input_shape(value)
        except Refused as refused:
            return Failure("(input)", "Input", self.name, str(refused))
        if shape[0] != BATCH:
            return Failure("(input)", "Input", self.name, "the batch, axis 0, must be open")
        number = self.numbering.number("input", self.name)
        self.known[self.name] = Held(Tensor(shape, Invariant(), number), Factor(0, ONE, BATCH))
        return None

    def _type_nodes(self, outputs: Sequence[str]) -> Failure | None:
        needed = facts.needed(self.graph, outputs)
        read = {name for _, node in needed for name in node.input} | set(outputs)
        for position, node in needed:
            name, op = node.name or f"#{position}", node.op_type
            try:
                results = self._results(node)
            except Refused as refused:
                return Failure(name, op, node.output[0], str(refused))
            except (ArithmeticError, LookupError, TypeError, ValueError):
                return Failure(name, op, node.output[0], f"{op} is not formed as its rule expects")
            for output, held in zip(node.output, results, strict=False):
                if output in read:
                    self.known[output], self.makers[output] = held, (name, op)
        return None

    def _results(self, node: onnx.NodeProto) -> list[Held]:
        inputs = [self.known.get(name) if name else None for name in node.input]
        if any(name and name not in self.known for name in node.input):
            raise Refused("it reads a tensor that no rule gave a type")
        step = Step(
            node, tuple(held.tensor if held else None for held in inputs), self.version, self.numbering
        )
        values = fold(step)
        if values is not None:
            return [
                Held(constant(value, self.numbering.number(content_key(value))), None) for value in values
            ]
        if step.op in QUANTISERS:
            self.quantised = True
        return apply(step, inputs)

    def _check(self, outputs: Sequence[str]) -> Failure | None:
        for name in outputs:
            held = self.known.get(name)
            if (
                held is None
                or held.sample != Factor(0, ONE, BATCH)
                or (held.tensor.shape or (ONE,))[0] != BATCH
            ):
                maker = self.makers.get(name, ("(output)", "Output"))
                return Failure(*maker, name, f"the output does not hold a sample at each index: {held}")
        return None

    def _table(self) -> tuple[TensorFact, ...]:
        return tuple(
            TensorFact(name, " ".join(self.makers[name]), show(held.tensor.shape), str(held))
            for name, held in self.known.items()
            if name in self.makers
        )
