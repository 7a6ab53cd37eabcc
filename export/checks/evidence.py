"""What an export knows of its own graphs: proved or not, how far from PyTorch, what they cost.

Collected before anything is written, so that a graph that fails leaves the old bundle in place.
"""

from dataclasses import asdict, dataclass
from typing import Any

import onnx

from export.checks.as_shipped import AsShipped, measure_as_shipped
from export.checks.cost import Cost, measure_cost
from export.checks.parity import Parity, measure_parity, pools_by_norm
from export.errors import ExportError
from export.graphs import Arithmetic, Graphs
from export.proof import ROTATIONS, SAMPLES_ALIKE, Group, Verdict, prove, prove_samples_alike
from export.signature import inputs_of, outputs_of
from phasekey.bundle import ProofSpec, WireSpec
from phasekey.model import SplitNetwork

_FLOAT32 = WireSpec("float32", None, None, {})


@dataclass(frozen=True)
class Evidence:
    """The proof's verdict, errors against PyTorch and against equivariance, and the cost of a prediction."""

    verdict: Verdict
    parity: Parity
    as_shipped: AsShipped
    cost: Cost

    @property
    def proof(self) -> ProofSpec:
        """The verdict as the manifest has it."""
        if self.verdict.proved:
            verdict = "samples-alike" if self.verdict.group == SAMPLES_ALIKE else "proved"
            return ProofSpec(verdict, self.verdict.grade)
        return ProofSpec("unproved", str(self.verdict.failure))

    def facts(self) -> dict[str, Any]:
        """The measurements as plain values, for the manifest."""
        parity = {**self.parity.facts(), "shipped": asdict(self.as_shipped.error)}
        return {"parity": parity, "cost": self.cost.facts()}


def collect(
    network: SplitNetwork,
    graphs: Graphs,
    shipped: onnx.ModelProto,
    *,
    wire: WireSpec = _FLOAT32,
    arithmetic: Arithmetic = "float32",
    allow_unproved: bool = False,
) -> Evidence:
    """Prove the processing graph that is shipped; hold it, and the graphs as traced, against the network.

    Args:
        network: in inference mode.
        graphs: as traced, all of float32.
        shipped: the processing graph after all changes for the wire and for speed.
        wire: what it takes and gives.
        arithmetic: what it computes in.
        allow_unproved: go on where the proof fails.

    Returns:
        Verdict, errors and cost.

    Raises:
        ExportError: a graph is not proved, or is further from PyTorch than its tolerance.
    """
    verdict = prove_for(network, shipped)
    if not verdict.proved and not allow_unproved:
        raise ExportError(
            f"the processing graph is not proved to commute with the secret ({verdict.group}): "
            f"{verdict.failure}; the cloud could not compute without knowing it, so nothing was written. "
            "To ship it all the same, give --unsafe-allow-unproved: manifest and runtimes will then say so"
        )
    cost = measure_cost(network, inputs_of(shipped)[0], outputs_of(shipped)[0])
    parity = measure_parity(network, graphs)
    parity.require(equivariant=verdict.proved, pools=pools_by_norm(network))
    as_shipped = measure_as_shipped(network, graphs, shipped, wire, arithmetic)
    as_shipped.require(pools=pools_by_norm(network))
    return Evidence(verdict, parity, as_shipped, cost)


def prove_for(network: SplitNetwork, processing: onnx.ModelProto) -> Verdict:
    """Prove of a processing graph what the network's secret asks: SO(2), O(k), or that samples are alike.

    A frame multiplies tensors of all components at will, so of the canonical form it is proved besides that
    no sample meets another's.

    Args:
        network: says which secret.
        processing: the graph, with the ends of any wire.

    Returns:
        The verdict; where it is not proved, with the node, tensor and rule that fail.
    """
    if network.secret == "permutation":
        return prove_samples_alike(processing)
    group = ROTATIONS if network.secret == "rotation" else Group(network.components, reflections=True)
    verdict = prove(processing, group=group)
    if network.form == "canonical" and verdict.proved:
        alike = prove_samples_alike(processing)
        return verdict if alike.proved else alike
    return verdict
