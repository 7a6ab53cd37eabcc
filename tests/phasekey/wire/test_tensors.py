import struct

import numpy as np
import pytest
import tritonclient.grpc as triton
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tritonclient.utils import np_to_triton_dtype

from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.errors import WireError
from phasekey.wire.tensors import (
    datatype_of,
    decode_raw,
    decode_typed,
    dtype_of,
    encode_raw,
    read_tensors,
    write_tensors,
)

NAMES = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
]
ARRAYS = st.sampled_from(NAMES).flatmap(
    lambda name: hnp.arrays(name, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)


def tensor(datatype="FP32", shape=(2, 3), name="x", **contents):
    message = pb.ModelInferRequest.InferInputTensor(name=name, datatype=datatype, shape=shape)
    if contents:
        message.contents.CopyFrom(pb.InferTensorContents(**contents))
    return message


@pytest.mark.parametrize("name", NAMES)
def test_datatypes_are_those_of_tritonclient(name):
    assert datatype_of(name) == np_to_triton_dtype(np.dtype(name))
    assert dtype_of(datatype_of(name)) == np.dtype(name)


@given(ARRAYS)
@settings(deadline=None, max_examples=60)
def test_what_is_written_is_read(array):
    request = pb.ModelInferRequest()
    write_tensors({"x": array}, request.inputs, request.raw_input_contents)
    arrived = pb.ModelInferRequest.FromString(request.SerializeToString())
    back = read_tensors(arrived.inputs, arrived.raw_input_contents)["x"]
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()  # bit by bit: NaN payloads too


def test_raw_bytes_are_little_endian_and_row_major():
    array = np.array([[1.5, -2.0], [3.25, 4.0]], np.float32)
    expected = struct.pack("<4f", 1.5, -2.0, 3.25, 4.0)
    assert encode_raw(array) == expected
    assert encode_raw(array.astype(">f4")) == expected
    assert encode_raw(np.asfortranarray(array)) == expected
    assert encode_raw(array.T) == struct.pack("<4f", 1.5, 3.25, -2.0, 4.0)


def test_raw_bytes_are_those_of_tritonclient():
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    theirs = triton.InferInput("x", [2, 3], "FP32")
    theirs.set_data_from_numpy(array)
    assert encode_raw(array) == theirs._get_content()


@pytest.mark.parametrize(
    ("datatype", "field", "values"),
    [
        ("BOOL", "bool_contents", [True, False]),
        ("INT8", "int_contents", [-128, 127]),
        ("INT16", "int_contents", [-32768, 32767]),
        ("INT32", "int_contents", [-(2**31), 2**31 - 1]),
        ("INT64", "int64_contents", [-(2**63), 2**63 - 1]),
        ("UINT8", "uint_contents", [0, 255]),
        ("UINT16", "uint_contents", [0, 65535]),
        ("UINT32", "uint_contents", [0, 2**32 - 1]),
        ("UINT64", "uint64_contents", [0, 2**64 - 1]),
        ("FP32", "fp32_contents", [0.5, float("inf")]),
        ("FP64", "fp64_contents", [0.1, -1e300]),
    ],
)
def test_typed_contents_are_read(datatype, field, values):
    array = decode_typed(tensor(datatype, (2, 1), **{field: values}))
    assert array.dtype == dtype_of(datatype)
    assert array.tolist() == [[values[0]], [values[1]]]


def test_a_bool_byte_above_one_is_true():
    assert decode_raw(tensor("BOOL", (3,)), b"\x00\x01\x02").tolist() == [False, True, True]


@pytest.mark.parametrize("datatype", ["BF16", "BYTES", "float32", ""])
def test_unsupported_datatypes_are_named(datatype):
    with pytest.raises(WireError, match=f"'{datatype}' is not supported.*FP32"):
        dtype_of(datatype)


def test_unsupported_dtypes_are_named():
    with pytest.raises(WireError, match="complex64"):
        datatype_of("complex64")


@pytest.mark.parametrize(
    ("message", "raw", "said"),
    [
        (tensor(), b"0" * 23, "needs 24 raw bytes; 23 came"),
        (tensor(), b"0" * 25, "needs 24 raw bytes; 25 came"),
        (tensor(shape=(2, -1)), b"0" * 24, "negative"),
        (tensor(shape=[1] * 33), b"0" * 4, "33 axes; 32"),
        (tensor(shape=(0, 2**62, 2**62)), b"", "out of range"),
        (tensor(shape=(2**62, 2**62)), b"0000", "raw bytes; 4 came"),
    ],
)
def test_raw_contents_that_do_not_fit(message, raw, said):
    with pytest.raises(WireError, match=f"'x'.*{said}"):
        decode_raw(message, raw)


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (tensor(fp32_contents=[0.0] * 5), "needs 6 values; 5 came"),
        (tensor(fp32_contents=[0.0] * 7), "needs 6 values; 7 came"),
        (tensor(), "needs 6 values; 0 came"),
        (tensor(fp64_contents=[0.0] * 6), "fp32_contents alone; fp64_contents came"),
        (tensor(fp32_contents=[0.0] * 6, int_contents=[1]), "fp32_contents alone"),
        (tensor("FP16", fp32_contents=[0.0] * 6), "FP16 has no typed contents"),
        (tensor("INT8", (1,), int_contents=[128]), "no room"),
        (tensor("UINT8", (1,), uint_contents=[256]), "no room"),
    ],
)
def test_typed_contents_that_do_not_fit(message, said):
    with pytest.raises(WireError, match=f"'x'.*{said}"):
        decode_typed(message)


def test_raw_and_typed_together_are_refused():
    with pytest.raises(WireError, match="'x' has typed contents beside raw"):
        read_tensors([tensor(fp32_contents=[0.0] * 6)], [b"0" * 24])


@pytest.mark.parametrize("count", [1, 3])
def test_one_raw_content_for_each_tensor(count):
    with pytest.raises(WireError, match=f"2 tensors need as many raw contents; {count} came"):
        read_tensors([tensor(name="x"), tensor(name="y")], [b"0" * 24] * count)


def test_a_name_may_come_once():
    with pytest.raises(WireError, match="repeated: \\['x'\\]"):
        read_tensors([tensor(), tensor()], [b"0" * 24] * 2)


def test_messages_never_hold_values():
    secret = 12345.678
    with pytest.raises(WireError) as caught:
        decode_typed(tensor(shape=(2,), fp32_contents=[secret] * 3))
    assert "12345" not in str(caught.value)
