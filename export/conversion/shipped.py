"""From the processing graph as traced to the one that is shipped: its arithmetic, then its wire.

The wire is chosen on the float32 graph. In int8 the smallest change of x grows: a value that is rounded
the other way changes others, and after 20 layers h is as far off as int8 itself had made it.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import onnx

from export.checks.accuracy import accuracy_through
from export.conversion.calibration import IMAGES, TEST_IMAGES, calibration_x, load_calibration, some
from export.conversion.quantise import quantise
from export.conversion.wire import convert_ends
from export.conversion.wire_choice import WireType, blocks_of, choose_wire
from export.errors import ExportError
from export.graphs import Graphs
from phasekey.bundle import WireSpec
from phasekey.training.checkpoint import Checkpoint
from phasekey.training.data.dataset import ImageDataset

Arithmetic = Literal["float32", "int8"]


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
) -> Conversion:
    """The graph with the arithmetic and the wire that were asked for.

    wire: None chooses, see export.conversion.wire_choice. calibration: data for int8 in the words of
    `phasekey train --data`, None for what the checkpoint was trained on.
    Raises ExportError where either does not suit the network, or the data is missing or not needed.
    """
    if processing == "float32" and calibration is not None:
        raise ExportError("--calibration goes with --processing int8; float32 needs no data")
    dataset = load_calibration(checkpoint, calibration) if processing == "int8" else None
    network = checkpoint.network
    spec, blocks = choose_wire(network, graphs, wire), blocks_of(network)
    plain = convert_ends(graphs.processing, spec, blocks)
    if dataset is None:
        return Conversion(plain, spec, {"processing": {"arithmetic": "float32"}})
    quantised = quantise(graphs.processing, calibration_x(network, graphs.encoder, dataset))
    shipped = convert_ends(quantised, spec, blocks)
    images, labels = some(dataset.test, TEST_IMAGES)
    accuracies = {
        f"graphs, processing {arithmetic}, wire {spec.dtype}": accuracy_through(
            network, replace(graphs, processing=graph), spec, images, labels
        )
        for arithmetic, graph in (("float32", plain), ("int8", shipped))
    }
    return Conversion(shipped, spec, {**_facts(dataset), "accuracy": accuracies})


def _facts(dataset: ImageDataset) -> dict[str, Any]:
    """How the int8 graph was calibrated, and on how many images both accuracies were taken."""
    return {
        "processing": {
            "arithmetic": "int8",
            "calibration": {"data": dataset.name, "images": min(IMAGES, len(dataset.train))},
            "scored_images": min(TEST_IMAGES, len(dataset.test)),
        }
    }
