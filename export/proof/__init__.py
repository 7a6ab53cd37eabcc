"""A proof, on an ONNX graph, that it commutes with every turn of its input's components.

`prove(model)` gives each tensor a type, by one rule for each operator, and a Verdict: proved, or the first
node, tensor and rule that fail. It never runs the graph and never samples angles; export.checks.numeric does
that, as the independent check.
"""

from export.proof.checker import prove
from export.proof.facts import UnreadableGraphError
from export.proof.group import ROTATIONS, Group
from export.proof.layout import Layout
from export.proof.samples import SAMPLES_ALIKE, prove_samples_alike
from export.proof.verdict import Failure, TensorFact, Verdict

__all__ = [
    "ROTATIONS",
    "SAMPLES_ALIKE",
    "Failure",
    "Group",
    "Layout",
    "TensorFact",
    "UnreadableGraphError",
    "Verdict",
    "prove",
    "prove_samples_alike",
]
