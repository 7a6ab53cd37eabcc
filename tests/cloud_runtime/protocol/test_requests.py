"""A reader that knows a header, against one that sees every message for the first time."""

import gc
import random
import weakref

import numpy as np
import pytest

from cloud_runtime.errors import InvalidInputError, ModelNotFoundError, RequestError
from cloud_runtime.protocol.requests import RequestReader
from cloud_runtime.repository.models import ModelRepository
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.tensors import write_tensors


@pytest.fixture
def models(repository):
    loaded = ModelRepository(repository)
    loaded.load_all()
    return loaded


def make(x, **fields):
    message = pb.ModelInferRequest(**{"model_name": "stamped", "id": "1"} | fields)
    write_tensors({"x": x}, message.inputs, message.raw_input_contents)
    return message


def outcome(reader, data):
    """What reading says, so that two can be compared."""
    try:
        request = reader.open(data).read()
    except RequestError as error:
        return type(error), str(error)
    arrays = {name: (array.dtype, array.tolist()) for name, array in request.inputs.items()}
    return request.model, arrays, request.outputs, request.id, request.timeout


def test_a_known_header_changes_nothing_of_what_is_said(models, x):
    reader, infinite, not_a_number = RequestReader(models), x.copy(), x.copy()
    infinite[0, 1, 2, 3], not_a_number[1, 0, 0, 0] = -np.inf, np.nan
    messages = [make(x), make(x + 1, id="2"), make(infinite), make(not_a_number), make(x, id=""), make(x[:1])]
    short, long, typed, timed = make(x), make(x), make(x), make(x)
    short.raw_input_contents[0] = b"123"
    long.raw_input_contents.append(b"")
    typed.inputs[0].contents.fp32_contents.append(1)
    timed.parameters["timeout"].int64_param = 2_500_000
    named = make(x)
    named.outputs.add(name="h")
    messages += [short, long, typed, timed, named, make(x, model_name="nobody"), make(x, model_version="7")]
    data = [message.SerializeToString() for message in messages]
    first = [outcome(RequestReader(models), item) for item in data]
    assert {found[0] for found in first} == {models.find("stamped"), InvalidInputError, ModelNotFoundError}
    assert first[9][4] == 2.5
    for _ in range(2):
        assert [outcome(reader, item) for item in data] == first


def test_damaged_messages_are_read_alike_by_both(models, x):
    rng, reader, good = random.Random(4), RequestReader(models), make(x).SerializeToString()
    seen = set()
    for _ in range(1500):
        data = bytearray(good)
        for _ in range(rng.randrange(3)):
            at = rng.randrange(min(len(data), 60 if rng.random() < 0.7 else 10**6))
            if rng.random() < 0.5:
                data[at] = rng.randrange(256)
            else:
                del data[at : at + rng.randrange(4)]
        found = outcome(reader, bytes(data))
        assert found == outcome(RequestReader(models), bytes(data))
        seen.add(found[0])
    assert {models.find("stamped"), InvalidInputError, ModelNotFoundError} <= seen


def test_a_model_loaded_anew_is_found_and_the_old_one_is_let_go(tmp_path, write_model, plain, x):
    folder = write_model(tmp_path, "m", plain)
    models = ModelRepository(tmp_path)
    models.load_all()
    reader, data = RequestReader(models), make(x, model_name="m").SerializeToString()
    old = weakref.ref(reader.open(data).read().model)
    assert reader.open(data).read().model is old()
    (folder / "2").mkdir()
    (folder / "2" / "model.onnx").write_bytes(plain[0])
    models.load("m")
    assert reader.open(data).read().model.version == "2"
    gc.collect()
    assert old() is None


def test_headers_of_all_kinds_fill_no_memory(models, x):
    reader = RequestReader(models)
    for number in range(600):
        message = make(x)
        message.parameters[f"p{number}"].int64_param = number
        reader.open(message.SerializeToString()).read()
    endless = make(x)
    endless.parameters["p"].string_param = "p" * 5000
    before = dict(reader._plans)
    reader.open(endless.SerializeToString()).read()
    assert reader._plans == before
    assert len(before) <= 256
