"""Making exported graphs reproducible, and writing into each what it is and where it belongs."""

from collections.abc import Iterable

import onnx

from phasekey.bundle import GRAPH_VERSION, metadata


def strip(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy without what the exporter noted on the side: it holds paths of the exporting machine."""
    model = _copy(model)
    del model.metadata_props[:]
    model.doc_string = model.graph.doc_string = ""
    # No version: the same encoder must have the same bytes whichever version exports it.
    model.producer_name, model.producer_version = "phasekey", ""
    graph = model.graph
    _strip(graph.node)
    _strip(graph.initializer)
    _strip([*graph.value_info, *graph.input, *graph.output])
    del graph.metadata_props[:]
    return model


def _strip(parts: Iterable[onnx.NodeProto | onnx.TensorProto | onnx.ValueInfoProto]) -> None:
    for part in parts:
        part.doc_string = ""
        del part.metadata_props[:]


def stamp(model: onnx.ModelProto, *, role: str, bundle_id: str | None = None) -> bytes:
    """Stamp format version, role and bundle id into a graph's metadata.

    The edge's graphs go without the bundle id: the manifest ties them by checksum, and so one encoder
    has one checksum in every export of it, from which the device derives its keys.

    Args:
        model: it is not changed.
        role: encoder, processing or decoder.
        bundle_id: 64 hexadecimal digits, or None.

    Returns:
        The bytes of the file.
    """
    model = _copy(model)
    facts = {metadata.FORMAT_VERSION: str(GRAPH_VERSION), metadata.ROLE: role}
    if bundle_id is not None:
        facts[metadata.BUNDLE_ID] = bundle_id
    onnx.helper.set_model_props(model, facts)
    return serialise(model)


def serialise(model: onnx.ModelProto) -> bytes:
    """The same model always gives the same bytes."""
    return model.SerializeToString(deterministic=True)


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy
