"""Our private messages against the public ones that tritonclient ships: an oracle that we did not write."""

import subprocess
import sys

import pytest
from tritonclient.grpc import model_config_pb2 as public_config
from tritonclient.grpc import service_pb2 as public

from phasekey.wire import model_config_pb2 as config
from phasekey.wire import open_inference_pb2 as pb


def _shape(descriptor):
    """Everything of a message that is on the wire, and the names that text format goes by."""
    fields = {
        field.name: (
            field.number,
            field.type,
            field.is_repeated,
            getattr(field.containing_oneof, "name", None),
        )
        for field in descriptor.fields
    }
    return fields, {nested.name: _shape(nested) for nested in descriptor.nested_types}


@pytest.mark.parametrize("name", sorted(pb.DESCRIPTOR.message_types_by_name))
def test_messages_have_the_public_numbers_and_types(name):
    ours, theirs = pb.DESCRIPTOR.message_types_by_name[name], public.DESCRIPTOR.message_types_by_name[name]
    assert _shape(ours) == _shape(theirs)


@pytest.mark.parametrize("name", sorted(config.DESCRIPTOR.message_types_by_name))
def test_model_config_is_a_part_of_tritons(name):
    ours, _ = _shape(config.DESCRIPTOR.message_types_by_name[name])
    theirs, _ = _shape(public_config.DESCRIPTOR.message_types_by_name[name])
    assert ours.items() <= theirs.items()


def test_data_types_have_tritons_numbers():
    theirs = public_config.DESCRIPTOR.enum_types_by_name["DataType"].values
    assert dict(config.DataType.items()) == {value.name: value.number for value in theirs}


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
