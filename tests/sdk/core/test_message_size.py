"""How many images go into one request, and how long a reply may be."""

from dataclasses import replace

import pytest

from phasekey.bundle import TensorSpec
from phasekey.wire import open_inference_pb2 as pb
from sdk.core.message_size import LARGEST_X, images_per_request, largest_reply

MIB = 2**20
SERVER_LIMIT = 64 * MIB  # of our own server and of none that is known to be smaller


def manifest_of(export, x, h, dtype="float32"):
    """The manifest with other shapes of x and h, without the batch."""
    ports = {
        "inputs": (TensorSpec("x", dtype, (None, *x)),),
        "outputs": (TensorSpec("h", dtype, (None, *h)),),
    }
    return replace(export.manifest, processing=replace(export.manifest.processing, **ports))


@pytest.mark.parametrize(
    ("x", "dtype", "expected"),
    [
        ((12, 14, 14), "float32", 64),  # LeNet: 9 kB
        ((32, 32, 32), "float32", 64),  # ResNet: 131 kB
        ((128, 112, 112), "float32", 2),  # VGG-16: 6.4 MB
        ((128, 112, 112), "float16", 5),
        ((128, 112, 112), "int8", 10),
        ((128, 512, 512), "float32", 1),  # alone above what one request should hold: one at a time
    ],
)
def test_large_features_go_in_smaller_requests(small_export, x, dtype, expected):
    manifest = manifest_of(small_export, x, (8,), dtype)
    assert images_per_request(manifest, 64) == expected
    assert images_per_request(manifest, 1) == 1
    assert LARGEST_X <= SERVER_LIMIT / 2


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_a_right_reply_fits(small_export, dtype):
    manifest = manifest_of(small_export, (12, 14, 14), (168,), dtype)
    raw = {"float32": 4, "float16": 2, "int8": 1}[dtype] * 168
    reply = pb.ModelInferResponse(model_name="m" * 200, raw_output_contents=[bytes(64 * raw)])
    assert reply.ByteSize() < largest_reply(manifest, 64)


def test_a_typed_reply_of_negative_int8_fits(small_export):
    """Ten bytes for each value, as protobuf writes negative numbers of 32 bits."""
    manifest = manifest_of(small_export, (12, 14, 14), (168,), "int8")
    contents = pb.InferTensorContents(int_contents=[-1] * (64 * 168))
    assert 10 * 64 * 168 < contents.ByteSize() < largest_reply(manifest, 64)


def test_the_client_keeps_to_it(small_export, memory, monkeypatch):
    from sdk import EdgeClient

    each = 4 * 4 * 4 * 4  # bytes of one x of the small network
    monkeypatch.setattr("sdk.core.message_size.LARGEST_X", 3 * each + 1)
    with EdgeClient(small_export.edge, transport=memory) as client:
        client.predict(small_export.network.images(8))
    assert [len(x) for x in memory.sent] == [3, 3, 2]
