"""From the processing graph as traced to the one that is shipped: its arithmetic, then its wire.

The wire is chosen on the float32 graph. In int8 the smallest change of x grows: a value that is rounded
the other way changes others, and after 20 layers h is as far off as int8 itself had made it.
"""

from dataclasses import dataclass, replace
from typing import Any

import onnx

from export.checks.accuracy import accuracy_through
from export.checks.transmissions import blocks_of
from export.conversion.calibration import (
    IMAGES,
    TEST_IMAGES,
    calibration_x,
    data_at_hand,
    load_calibration,
    some,
)
from export.conversion.quantise import quantise
from export.conversion.wire import convert_ends
from export.conversion.wire_choice import WireType, choose_wire
from export.errors import ExportError
from export.graphs import Arithmetic, Graphs
from phasekey.bundle import WireSpec
from phasekey.training.checkpoint import Checkpoint


@dataclass(frozen=True)
class Conversion:
    """The processing graph to ship, its wire, and facts for the manifest's `export`."""

    processing: onnx.ModelProto
    wire: WireSpec
    facts: dict[str, Any]


def convert(
    checkpoint: Checkpoint,
    graphs: Graphs,
    *,
    wire: WireType | None = None,
    processing: Arithmetic = "float32",
    calibration: str | None = None,
    score: bool = True,
) -> Conversion:
    """Give the graph the arithmetic and the wire that were asked for.

    Args:
        checkpoint: the trained network.
        graphs: as traced, for this arithmetic.
        wire: None chooses, see export.conversion.wire_choice.
        processing: the arithmetic.
        calibration: data for int8 in the words of `phasekey train --data`, None for what the checkpoint was
            trained on.
        score: measure the accuracy of float32 as well, where its data is at hand. That of int8 always is.

    Returns:
        The graph, its wire, and what was measured.

    Raises:
        ExportError: either does not suit the network, or the data is missing or not needed.
    """
    if processing == "float32" and calibration is not None:
        raise ExportError("--calibration goes with --processing int8; float32 needs no data")
    dataset = load_calibration(checkpoint, calibration) if processing == "int8" else None
    network = checkpoint.network
    spec, blocks = choose_wire(network, graphs, wire), blocks_of(network)
    found = {"float32": convert_ends(graphs.processing, spec, blocks)}
    facts: dict[str, Any] = {"arithmetic": processing}
    if dataset is not None:
        quantised = quantise(graphs.processing, calibration_x(network, graphs.encoder, dataset))
        found["int8"] = convert_ends(quantised, spec, blocks)
        facts["calibration"] = {"data": dataset.name, "images": min(IMAGES, len(dataset.train))}
    elif score:
        dataset = data_at_hand(checkpoint)
    if dataset is None:
        return Conversion(found[processing], spec, {"processing": facts})
    facts["scored_images"] = min(TEST_IMAGES, len(dataset.test))
    images, labels = some(dataset.test, TEST_IMAGES)
    accuracies = {
        f"graphs, processing {arithmetic}, wire {spec.dtype}": accuracy_through(
            network, replace(graphs, processing=graph), spec, images, labels
        )
        for arithmetic, graph in found.items()
    }
    return Conversion(found[processing], spec, {"processing": facts, "accuracy": accuracies})
