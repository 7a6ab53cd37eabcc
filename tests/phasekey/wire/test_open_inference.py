"""Our private messages against the public ones that tritonclient ships: an oracle that we did not write."""

import subprocess
import sys

import pytest
from tritonclient.grpc import model_config_pb2 as public_config
from tritonclient.grpc import service_pb2 as public

from phasekey.wire import model_config_pb2 as config
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire import triton_extensions_pb2 as extensions

OURS = {
    name: descriptor
    for file in (pb, extensions)
    for name, descriptor in file.DESCRIPTOR.message_types_by_name.items()
}


def _shape(descriptor):
    """Everything of a message that is on the wire, and the names that text format goes by."""
    fields = {
        field.name: (
            field.number,
            field.type,
            field.is_repeated,
            getattr(field.containing_oneof, "name", None),
            getattr(field.message_type or field.enum_type, "name", None),
        )
        for field in descriptor.fields
    }
    enums = {enum.name: _values(enum) for enum in descriptor.enum_types}
    return fields, enums, {nested.name: _shape(nested) for nested in descriptor.nested_types}


def _values(enum):
    return {value.name: value.number for value in enum.values}


@pytest.mark.parametrize("name", sorted(OURS))
def test_messages_have_the_public_numbers_and_types(name):
    assert _shape(OURS[name]) == _shape(public.DESCRIPTOR.message_types_by_name[name])


def test_model_config_is_all_of_tritons():
    ours, theirs = config.DESCRIPTOR.message_types_by_name, public_config.DESCRIPTOR.message_types_by_name
    assert {name: _shape(message) for name, message in ours.items()} == {
        name: _shape(message) for name, message in theirs.items()
    }


def test_data_types_have_tritons_numbers():
    assert dict(config.DataType.items()) == _values(public_config.DESCRIPTOR.enum_types_by_name["DataType"])


def test_a_public_message_reads_as_ours():
    request = public.ModelInferRequest(
        model_name="m", model_version="3", id="r", raw_input_contents=[b"\1\2"]
    )
    request.inputs.add(name="x", datatype="UINT8", shape=[1, 2]).parameters["p"].string_param = "v"
    request.outputs.add(name="h")
    ours = pb.ModelInferRequest.FromString(request.SerializeToString(deterministic=True))
    assert (ours.model_name, ours.model_version, ours.id) == ("m", "3", "r")
    assert ours.inputs[0].parameters["p"].string_param == "v"
    assert ours.SerializeToString(deterministic=True) == request.SerializeToString(deterministic=True)


@pytest.mark.parametrize("order", [("sdk", "client"), ("client", "sdk")])
def test_imports_beside_tritonclient_in_either_order(order):
    modules = {"sdk": "phasekey.wire.service", "client": "tritonclient.grpc"}
    code = "; ".join(f"import {modules[part]}" for part in order)
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_wire_needs_neither_torch_nor_onnx_nor_onnxruntime():
    code = (
        "import sys, phasekey.wire.service, phasekey.wire.tensors, phasekey.wire.model_config_pb2\n"
        "assert not {'torch', 'onnx', 'onnxruntime', 'proto'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
