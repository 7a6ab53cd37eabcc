"""The hot path against its oracle: whatever bytes come, protobuf and we say the same of them."""

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2 as public

from phasekey.wire import infer
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.errors import WireError
from phasekey.wire.tensors import decode_raw, read_tensors, write_tensors

SPLIT = {pb.ModelInferRequest: infer.split_request, pb.ModelInferResponse: infer.split_response}
RAW = {pb.ModelInferRequest: "raw_input_contents", pb.ModelInferResponse: "raw_output_contents"}
KINDS = st.sampled_from(list(SPLIT))

TEXTS = st.text(max_size=6)
SIZES = st.integers(-(2**63), 2**63 - 1)
PARAMETERS = st.dictionaries(
    TEXTS,
    st.one_of(
        st.builds(pb.InferParameter, bool_param=st.booleans()),
        st.builds(pb.InferParameter, int64_param=SIZES),
        st.builds(pb.InferParameter, string_param=TEXTS),
        st.builds(pb.InferParameter, double_param=st.floats()),
    ),
    max_size=2,
)
CONTENTS = st.one_of(
    st.none(),
    st.builds(
        pb.InferTensorContents,
        int_contents=st.lists(st.integers(-128, 127), max_size=3),
        fp32_contents=st.lists(st.floats(width=32), max_size=3),
        bytes_contents=st.lists(st.binary(max_size=3), max_size=2),
    ),
)
RAWS = st.lists(st.one_of(st.binary(max_size=20), st.binary(min_size=127, max_size=300)), max_size=3)


def described(kind):
    return st.lists(
        st.builds(
            kind,
            name=TEXTS,
            datatype=st.sampled_from(["FP32", "FP16", "INT8", "?"]),
            shape=st.lists(SIZES, max_size=3),
            parameters=PARAMETERS,
            contents=CONTENTS,
        ),
        max_size=2,
    )


REQUESTS = st.builds(
    pb.ModelInferRequest,
    model_name=TEXTS,
    model_version=TEXTS,
    id=TEXTS,
    parameters=PARAMETERS,
    inputs=described(pb.ModelInferRequest.InferInputTensor),
    outputs=st.lists(st.builds(pb.ModelInferRequest.InferRequestedOutputTensor, name=TEXTS), max_size=2),
    raw_input_contents=RAWS,
)
RESPONSES = st.builds(
    pb.ModelInferResponse,
    model_name=TEXTS,
    id=TEXTS,
    outputs=described(pb.ModelInferResponse.InferOutputTensor),
    raw_output_contents=RAWS,
)
MESSAGES = st.one_of(REQUESTS, RESPONSES).map(lambda message: message.SerializeToString())


def varint(value, padding=0):
    """A varint, made longer than needed by `padding` bytes."""
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F)
    groups += [0] * padding
    return bytes([group | 0x80 for group in groups[:-1]] + groups[-1:])


@st.composite
def fields(draw):
    """One field as no serialiser of ours writes it: any number and wire type, padded, its end missing."""
    number = draw(st.one_of(st.integers(0, 20), st.sampled_from([2**29 - 1, 2**29, 2**32 + 7])))
    wire_type = draw(st.integers(0, 7))
    value = draw(st.binary(max_size=140))
    length = draw(
        st.sampled_from([len(value)] * 5 + [len(value) + 1, 2**31 - 1, 2**31, 2**35 + 1, 2**64 - 1])
    )
    lead = varint(length, draw(st.sampled_from([0, 0, 1, 2, 4, 7, 10]))) if wire_type == 2 else b""
    return varint(number << 3 | wire_type, draw(st.sampled_from([0, 0, 0, 1, 4, 9]))) + lead + value


@st.composite
def damaged(draw):
    """A message with bytes changed, left out, put in, or its end cut off."""
    data = bytearray(draw(MESSAGES))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        change = draw(st.sampled_from(["set", "insert", "delete", "cut"]))
        if change == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=4))
        elif change == "delete":
            del data[at : at + draw(st.integers(1, 4))]
        elif change == "cut":
            del data[at:]
        elif at < len(data):
            data[at] = draw(st.integers(0, 255))
    return bytes(data)


BYTES = st.one_of(
    MESSAGES,
    damaged(),
    st.lists(st.one_of(MESSAGES, fields()), max_size=4).map(b"".join),  # repeated, unknown, merged
    st.binary(max_size=60),
)


def check(kind, data):
    """Our reading of data is protobuf's: the same refusal, or the same message and the same raw contents."""
    try:
        oracle = kind.FromString(data)
    except DecodeError:
        with pytest.raises(WireError, match=f"not a {kind.DESCRIPTOR.name}"):
            SPLIT[kind](data)
        return False
    header, raw = SPLIT[kind](data)
    assert [bytes(content) for content in raw] == list(getattr(oracle, RAW[kind]))
    header.ClearField(RAW[kind])  # filled where protobuf read it all
    oracle.ClearField(RAW[kind])
    assert header.SerializeToString(deterministic=True) == oracle.SerializeToString(deterministic=True)
    return True


@given(KINDS, BYTES)
@settings(deadline=None, max_examples=500)
def test_protobuf_and_we_agree_on_any_bytes(kind, data):
    check(kind, data)


@given(BYTES)
@settings(deadline=None, max_examples=300)
def test_a_frame_is_protobufs_message_in_three_parts(data):
    frame = infer.frame_request(data)
    if frame is None:
        return
    try:
        oracle = pb.ModelInferRequest.FromString(data)
    except DecodeError:
        with pytest.raises(DecodeError):
            pb.ModelInferRequest.FromString(frame.header)
        return
    rest = pb.ModelInferRequest.FromString(frame.header)
    assert (frame.id, [bytes(content) for content in frame.raw]) == (oracle.id, oracle.raw_input_contents)
    assert (rest.id, list(rest.raw_input_contents)) == ("", [])
    rest.id = frame.id
    rest.raw_input_contents.extend(oracle.raw_input_contents)
    assert rest.SerializeToString(deterministic=True) == oracle.SerializeToString(deterministic=True)


def test_what_differs_from_request_to_request_is_no_part_of_the_header():
    one = pb.ModelInferRequest(model_name="m", id="1", raw_input_contents=[b"a"])
    other = pb.ModelInferRequest(model_name="m", id="é" * 99, raw_input_contents=[b"b" * 300])
    frames = [infer.frame_request(message.SerializeToString()) for message in (one, other)]
    assert frames[0].header == frames[1].header != b""
    assert infer.frame_request(b"\x1a\x01\xff\x1a\x01a") is None  # an id that is no text, then one that is


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x3a\x00",
        b"\x3a\x80\x00",  # a length of 0 in two bytes
        b"\x3a\x81\x80\x80\x80\x00z",  # of 1 in five
        b"\x3a\x81\x80\x80\x80\x80\x00z",  # in six: too long
        b"\x3a\xff\xff\xff\xff\x0f",  # 2³² - 1
        b"\x3a\x05abc",
        b"\x3a",
        b"\x3a\x80",
        b"\xba\x00\x01z",  # the tag in two bytes
        b"\x38\x05",  # raw contents' number with another wire type
        b"\x3b\x3c",  # as a group
        b"\x3b\x3a\x01z\x3c\x3a\x01y",  # something that looks like raw contents within a group
        b"\x02\x00",  # field 0
        b"\xa2\x06\x03\x3a\x01z",  # unknown field 100 that holds what looks like raw contents
        b"\x0a\x01\xff",  # no UTF-8
        b"\x3a\x01a\x0a\x01m\x3a\x01b\x0a\x01n",  # values and header in turns; the last name counts
    ],
)
@pytest.mark.parametrize("kind", list(SPLIT))
def test_corners(kind, data):
    check(kind, data)


def test_the_corners_hold_messages_and_others():
    assert check(pb.ModelInferRequest, b"\x3a\x81\x80\x80\x80\x00z")
    assert not check(pb.ModelInferRequest, b"\x3a\x05abc")


def test_raw_contents_are_views():
    request = pb.ModelInferRequest(raw_input_contents=[b"0" * 1000, b"1"])
    data = request.SerializeToString()
    header, raw = infer.split_request(data)
    assert [view.obj for view in raw] == [data, data]
    assert not header.raw_input_contents


def test_a_message_of_endless_fields_is_refused():
    assert len(infer.split_request(b"\x3a\x00" * 4095)[1]) == 4095
    with pytest.raises(WireError, match="4096 fields"):
        infer.split_request(b"\x3a\x00" * 4096)


DTYPES = st.sampled_from(["float32", "float16", "int8", "bool", "int64", ">f4"])


@st.composite
def arrays(draw):
    shape = draw(st.lists(st.integers(0, 5), max_size=3))
    array = np.random.default_rng(0).integers(-100, 100, shape).astype(draw(DTYPES))
    return draw(st.sampled_from([array, array.T, array[::2] if array.ndim else array]))


@given(REQUESTS, st.dictionaries(TEXTS, arrays(), max_size=3))
@settings(deadline=None, max_examples=200)
def test_a_joined_request_is_what_protobuf_would_have_written(message, values):
    message.ClearField("inputs")
    message.ClearField("raw_input_contents")
    joined = infer.join_request(message, values)
    write_tensors(values, message.inputs, message.raw_input_contents)
    assert pb.ModelInferRequest.FromString(joined) == message
    header, raw = infer.split_request(joined)
    for name, array in read_tensors(header.inputs, raw).items():
        assert array.dtype == values[name].dtype.newbyteorder("=")
        np.testing.assert_array_equal(array, values[name])
        assert array.flags.aligned


@given(st.dictionaries(TEXTS, arrays(), max_size=3))
@settings(deadline=None, max_examples=200)
def test_a_joined_response_is_read_by_a_stock_client(values):
    message = pb.ModelInferResponse(model_name="m", model_version="1", id="é")
    theirs = public.ModelInferResponse.FromString(infer.join_response(message, values))
    write_tensors(values, message.outputs, message.raw_output_contents)
    assert theirs.SerializeToString(deterministic=True) == message.SerializeToString(deterministic=True)


def attempt(read):
    """What an error says, and what is read where there is none."""
    try:
        return "", read()
    except WireError as error:
        return str(error), None


@given(RESPONSES, st.dictionaries(TEXTS, arrays(), max_size=3), st.booleans())
@settings(deadline=None, max_examples=300)
def test_a_response_reads_as_protobuf_and_the_whole_reading_have_it(message, values, plain):
    if plain:
        message.ClearField("outputs")
        message.ClearField("raw_output_contents")
        write_tensors(values, message.outputs, message.raw_output_contents)
    data = message.SerializeToString()
    for _ in range(2):  # the second time by what was kept of the first
        error, wanted = attempt(lambda: read_tensors(message.outputs, message.raw_output_contents))
        if error:
            assert attempt(lambda: infer.read_response(data))[0] == error
            continue
        found = infer.read_response(data)
        assert list(found) == list(wanted)
        for name, array in found.items():
            assert (array.dtype, array.shape, array.flags.aligned) == (
                wanted[name].dtype,
                wanted[name].shape,
                True,
            )
            np.testing.assert_array_equal(array, wanted[name])


def test_of_a_header_that_is_kept_the_values_are_not():
    message = pb.ModelInferResponse(model_name="m")
    for number in (1.0, 2.0, 3.0):
        found = infer.read_response(infer.join_response(message, {"h": np.full((2, 3), number, np.float32)}))
        assert found["h"].tolist() == [[number] * 3] * 2
    short = infer.join_response(message, {"h": np.ones((2, 3), np.float32)})[:-4]
    with pytest.raises(WireError):
        infer.read_response(short)
    assert infer._plain_outputs.cache_info().hits >= 2


def test_replies_of_one_length_are_told_apart_by_what_is_ahead_of_their_values():
    values = np.arange(6, dtype=np.float32)
    for _ in range(2):
        for name, shape in (("h", (2, 3)), ("g", (2, 3)), ("h", (3, 2))):
            message = pb.ModelInferResponse(model_name="m")
            found = infer.read_response(infer.join_response(message, {name: values.reshape(shape)}))
            assert {key: array.tolist() for key, array in found.items()} == {
                name: values.reshape(shape).tolist()
            }


@given(TEXTS, TEXTS, TEXTS, st.dictionaries(TEXTS, arrays(), max_size=3))
@settings(deadline=None, max_examples=200)
def test_an_answer_is_the_response_of_these_fields(model, version, request_id, values):
    message = pb.ModelInferResponse(model_name=model, model_version=version, id=request_id)
    write_tensors(values, message.outputs, message.raw_output_contents)
    assert pb.ModelInferResponse.FromString(infer.answer_with(model, version, request_id, values)) == message


def test_complex_numbers_cannot_travel():
    with pytest.raises(WireError, match="complex64"):
        infer.join_request(pb.ModelInferRequest(), {"x": np.zeros(1, np.complex64)})


@pytest.mark.parametrize("offset", range(8))
def test_a_view_at_any_place_becomes_an_aligned_array(offset):
    data = bytes(offset) + np.arange(3, dtype="<f4").tobytes()
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[3])
    array = decode_raw(tensor, memoryview(data)[offset:])
    assert array.flags.aligned
    assert array.tolist() == [0, 1, 2]


def test_empty_typed_contents_beside_raw_ones_count_as_none():
    request = pb.ModelInferRequest(raw_input_contents=[b"\1"])
    request.inputs.add(name="x", datatype="INT8", shape=[1]).contents.SetInParent()
    header, raw = infer.split_request(request.SerializeToString())
    assert header.inputs[0].HasField("contents")
    assert read_tensors(header.inputs, raw)["x"].tolist() == [1]
