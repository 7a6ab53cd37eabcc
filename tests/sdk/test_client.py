"""EdgeClient: through a real server, and piece by piece through a transport in this process."""

import copy
import pickle
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
from PIL import Image

from edge_runtime import EdgeRuntimeError
from phasekey.bundle import BundleError
from sdk import DerivedKeys, EdgeClient, FreshKeys, SdkError, Secrets, Traffic

SECRET = bytes(range(32))


@pytest.fixture
def client(small_export, memory):
    with EdgeClient(small_export.edge, transport=memory, secret=SECRET) as made:
        yield made


def assert_right(result, export, images):
    expected = export.network.probabilities(images)
    assert result.probabilities.dtype == np.float32
    np.testing.assert_allclose(result.probabilities, expected, atol=2e-5)
    assert result.labels == [export.manifest.labels[k] for k in expected.argmax(axis=1)]
    assert isinstance(result.labels, list)


@pytest.mark.parametrize("keys", [None, FreshKeys()])
def test_predicts_through_a_real_server(small_export, server, keys):
    images = small_export.network.images(100)
    with EdgeClient(small_export.edge, target=server.address, keys=keys) as client:
        result = client.predict(images)
    assert_right(result, small_export, images)
    assert len(set(result.labels)) > 1


@pytest.mark.parametrize("options", [{"channels": 3}, {"channels": 3, "dtype": "float32"}])
def test_predicts_with_other_kinds_of_images(new_export, serve, options):
    export = new_export(**options)
    images = export.network.images(5)
    with serve(export) as running, EdgeClient(str(export.edge), running.address) as client:
        assert_right(client.predict(images), export, images)


def test_takes_every_form_of_images(client, small_export, tmp_path):
    images = small_export.network.images(3)
    pictures = [Image.fromarray(image[..., 0]) for image in images]
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for picture, path in zip(pictures, paths, strict=True):
        picture.save(path)
    for form in (images, images[..., 0], list(images), pictures, paths, [str(path) for path in paths]):
        assert_right(client.predict(form), small_export, images)
    for form in (images[1], images[1, ..., 0], pictures[1], paths[1], str(paths[1])):
        single = client.predict(form)
        assert single.probabilities.shape == (1, 4)
        assert_right(single, small_export, images[1:2])


def test_sends_the_equation_and_nothing_else(client, small_export, memory):
    """Each x is e^{iθ}(a + ib), with the derived θ and decoy: both from the oracle, in complex128."""
    images = small_export.network.images(4)
    client.predict(images)
    drawn = DerivedKeys(SECRET, context=small_export.manifest.encoder.sha256.encode()).draw(images, 5)
    feature, decoy = small_export.network.feature(images), small_export.network.decoy(drawn.noise)
    expected = np.exp(1j * drawn.theta)[:, None, None, None] * (feature + 1j * decoy)
    (x,) = memory.sent
    np.testing.assert_allclose(x, np.concatenate([expected.real, expected.imag], axis=1), atol=1e-5)


def test_sends_chunks_of_batch_size(small_export, memory):
    images = small_export.network.images(23)
    with EdgeClient(small_export.edge, transport=memory, batch_size=10) as client:
        assert_right(client.predict(images), small_export, images)
    assert [len(x) for x in memory.sent] == [10, 10, 3]


def test_a_repeated_input_sends_the_same_x(client, small_export, memory):
    images = small_export.network.images(3)
    client.predict(images)
    client.predict(images[::-1])
    # Angle and decoy are the same to the bit (test_key.py), features as far as the encoder adds up alike.
    np.testing.assert_allclose(memory.sent[0], memory.sent[1][::-1], atol=1e-6)


def test_a_kept_secret_outlives_the_client_and_a_drawn_one_does_not(small_export, memory):
    image = small_export.network.images(1)
    ways = [{"secret": SECRET}] * 2 + [{}] * 2 + [{"secret": lambda: SECRET}] + [{"ephemeral": True}] * 2
    for way in ways:
        with EdgeClient(small_export.edge, transport=memory, **way) as client:
            client.predict(image)
    given, again, kept, later, provided, drawn, other = memory.sent
    np.testing.assert_allclose(given, again, atol=1e-6)
    np.testing.assert_allclose(given, provided, atol=1e-6)
    np.testing.assert_allclose(kept, later, atol=1e-6)
    assert not np.isclose(given, kept).all()
    assert not np.isclose(given, drawn).all()
    assert not np.isclose(drawn, other).all()


def test_two_bundles_under_one_secret_get_unrelated_angles(small_export, new_export, memory):
    """The other export's encoder is other; so compare the draws themselves."""
    keys = [
        EdgeClient(export.edge, transport=memory, secret=SECRET).keys
        for export in (small_export, new_export(seed=2))
    ]
    images = small_export.network.images(1)
    assert keys[0].draw(images, 5).theta[0] != keys[1].draw(images, 5).theta[0]


def test_tells_where_its_keys_come_from_and_no_more(small_export, memory):
    given = EdgeClient(small_export.edge, transport=memory, secret=SECRET)
    drawn = EdgeClient(small_export.edge, transport=memory, ephemeral=True)
    assert "secret given, hidden" in repr(given)
    assert "secret kept, hidden" in repr(EdgeClient(small_export.edge, transport=memory))
    assert "secret drawn, hidden" in repr(drawn)
    assert given.keys.origin == "given"


def test_counts_images_and_bytes(client, small_export, server, memory):
    client.predict(small_export.network.images(3))
    assert client.traffic == Traffic(images=3, bytes_up=3 * 4 * 4 * 4 * 4, bytes_down=7)
    with EdgeClient(small_export.edge, server.address) as real:
        assert real.traffic == Traffic(0, 0, 0)
        real.predict(small_export.network.images(3))
        assert real.traffic.images == 3
        assert 768 < real.traffic.bytes_up < 1000
        assert 1152 < real.traffic.bytes_down < 1400


def test_bad_images_send_nothing_and_spoil_nothing(client, small_export, memory):
    images = small_export.network.images(2)
    for bad in (images[:, :5], images[:0], images / 255, [], "none.png"):
        with pytest.raises(EdgeRuntimeError):
            client.predict(bad)
    assert memory.sent == []
    assert_right(client.predict(images), small_export, images)


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (lambda h: h[:, :4], r"answered with float32 \(2, 4, 4, 4\), expected is float32 \(2, 6, 4, 4\)"),
        (lambda h: h[:1], r"answered with float32 \(1, 6, 4, 4\)"),
        (lambda h: h.ravel(), r"float32 \(192\)"),
        (lambda h: h.astype(np.float64), "answered with float64"),
        (lambda h: h.astype(np.float16), "answered with float16"),
        (lambda h: h * np.float32("nan"), "NaN or infinity"),
        (lambda h: h + np.float32("inf"), "NaN or infinity"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(client, small_export, memory, alter, said):
    images = small_export.network.images(2)
    memory.alter = alter
    with pytest.raises(SdkError, match=said):
        client.predict(images)
    memory.alter = lambda h: h
    assert_right(client.predict(images), small_export, images)


def test_checks_the_server_once_on_entering_or_on_first_use(small_export, memory):
    client = EdgeClient(small_export.edge, transport=memory)
    assert memory.checks == 0
    client.predict(small_export.network.images(1))
    client.predict(small_export.network.images(1))
    assert memory.checks == 1
    with client:
        assert memory.checks == 1
    assert memory.closed


def test_a_failed_check_sends_nothing_and_is_tried_again(small_export, memory):
    def fail(manifest):
        raise SdkError("not there")

    works, memory.check = memory.check, fail
    client = EdgeClient(small_export.edge, transport=memory)
    with pytest.raises(SdkError, match="not there"):
        client.predict(small_export.network.images(1))
    assert memory.sent == []
    memory.check = works
    client.predict(small_export.network.images(1))
    assert len(memory.sent) == 1


def test_entering_closes_the_transport_if_the_check_fails(small_export, memory, monkeypatch):
    def fail(manifest):
        raise KeyboardInterrupt

    monkeypatch.setattr(memory, "check", fail)
    with pytest.raises(KeyboardInterrupt), EdgeClient(small_export.edge, transport=memory):
        pytest.fail("must not get here")
    assert memory.closed


def test_edge_and_cloud_of_different_exports(new_export, server):
    other = new_export(seed=2)
    assert other.manifest.model_name not in server.models
    with (
        pytest.raises(SdkError, match="come from different exports"),
        EdgeClient(other.edge, server.address),
    ):
        pytest.fail("must not get here")


def test_no_server(small_export):
    with (
        pytest.raises(SdkError, match=r"No server answered at 127\.0\.0\.1:1"),
        EdgeClient(small_export.edge, "127.0.0.1:1"),
    ):
        pytest.fail("must not get here")


def test_a_server_that_comes_back_is_used_again(small_export, serve):
    images = small_export.network.images(1)
    with serve(small_export) as running:
        address = running.address
        client = EdgeClient(small_export.edge, address, timeout=5)
        client.predict(images)
    with pytest.raises(SdkError, match="No server answered"):
        client.predict(images)
    client.close()


def test_a_reply_larger_than_h_can_be_is_not_taken_in(small_export, fake_server):
    from phasekey.wire import open_inference_pb2 as pb

    huge = pb.ModelInferResponse(raw_output_contents=[bytes(1_000_000)])
    address = fake_server(ModelInfer=lambda request, context: huge)
    with (
        EdgeClient(small_export.edge, address) as client,
        pytest.raises(SdkError, match="longer than this model's can be"),
    ):
        client.predict(small_export.network.images(1))


@pytest.mark.parametrize("kind", ["typed", "large"])
def test_the_reply_limit_leaves_room_for_every_right_answer(small_export, fake_server, kind):
    from phasekey.wire import open_inference_pb2 as pb

    def answer(request, context):
        x = np.frombuffer(request.raw_input_contents[0], np.float32).reshape(-1, 4, 4, 4)
        h = np.concatenate([x, x[:, :2]], axis=1)
        output = {"name": "h", "datatype": "FP32", "shape": h.shape}
        if kind == "typed":
            output["contents"] = pb.InferTensorContents(fp32_contents=h.ravel())
        tensor = pb.ModelInferResponse.InferOutputTensor(**output)
        raw = [] if kind == "typed" else [h.tobytes()]
        return pb.ModelInferResponse(id="i" * 9000, outputs=[tensor], raw_output_contents=raw)

    with EdgeClient(small_export.edge, fake_server(ModelInfer=answer), batch_size=500) as client:
        assert client.predict(small_export.network.images(500)).probabilities.shape == (500, 4)


def test_a_closed_client_says_so(small_export, memory):
    client = EdgeClient(small_export.edge, transport=memory)
    client.close()
    client.close()
    with pytest.raises(SdkError, match="client is closed"):
        client.predict(small_export.network.images(1))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "either target='HOST:PORT' or transport="),
        ({"target": "a:1", "transport": object()}, "one of the two"),
        ({"transport": object(), "credentials": grpc.ssl_channel_credentials()}, "goes with target="),
        (
            {"target": "a:1", "secret": SECRET, "keys": FreshKeys()},
            "one of secret=, keys= and ephemeral=True",
        ),
        ({"target": "a:1", "secret": b"short"}, "has 5 bytes; at least 16"),
        ({"target": "a:1", "secret": bytes(32)}, "one byte again and again"),
        ({"target": "a:1", "keys": 1}, "keys must have a method draw"),
        ({"target": "a:1", "credentials": "cert.pem"}, r"must be grpc\.ChannelCredentials, not a str"),
        ({"target": "a:1", "timeout": 0}, "timeout must be"),
        ({"target": "a:1", "timeout": float("nan")}, "timeout must be"),
        ({"target": "a:1", "batch_size": 0}, "batch_size must be 1 or more, not 0"),
    ],
)
def test_arguments_that_do_not_go_together(small_export, options, said):
    with pytest.raises(SdkError, match=said):
        EdgeClient(small_export.edge, **options)


def test_a_bundle_that_is_none_or_damaged(small_export, tmp_path, memory):
    with pytest.raises(BundleError, match="No bundle at"):
        EdgeClient(tmp_path, transport=memory)
    with pytest.raises(SdkError, match="bundle must be a path, not a NoneType"):
        EdgeClient(None, transport=memory)
    edge = shutil.copytree(small_export.edge, tmp_path / "edge")
    (edge / "decoder.onnx").write_bytes(b"")
    with pytest.raises(BundleError, match=r"decoder\.onnx is damaged"):
        EdgeClient(edge, transport=memory)


def test_a_client_goes_to_no_other_process(small_export, memory):
    client = EdgeClient(small_export.edge, transport=memory, secret=SECRET)
    for spread in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"holds a secret .* make one in each process"):
            spread(client)


def test_a_key_source_of_ones_own(small_export, memory):
    class Zero:
        """No rotation at all: x is then the feature beside the decoy."""

        def draw(self, images, noise_size, secret):
            return Secrets.of_angles(np.zeros(len(images)), np.zeros((len(images), noise_size), np.float32))

    images = small_export.network.images(2)
    assert_right(
        EdgeClient(small_export.edge, transport=memory, keys=Zero()).predict(images), small_export, images
    )
    np.testing.assert_allclose(memory.sent[0][:, :2], small_export.network.feature(images), atol=1e-5)


def test_several_threads_share_one_client(small_export, server):
    """Each thread gets the answers to its own images, and every image is counted."""
    batches = [small_export.network.images(3, seed=seed) for seed in range(24)]
    with EdgeClient(small_export.edge, server.address, batch_size=2) as client:
        with ThreadPoolExecutor(6) as pool:
            results = list(pool.map(client.predict, batches))
        assert client.traffic.images == 72
    for images, result in zip(batches, results, strict=True):
        assert_right(result, small_export, images)


PREDICT = """
import sys
for name in ("torch", "onnx", "onnxscript", "sklearn", "scipy", "matplotlib"):
    sys.modules[name] = None  # importing it now fails
{first}
import numpy as np
from sdk import EdgeClient
{last}
with EdgeClient(sys.argv[1], sys.argv[2]) as client:
    print(client.predict(np.zeros((1, 6, 6, 1), np.uint8)).labels)
"""


@pytest.mark.parametrize(
    "others",
    [{}, {"first": "import tritonclient.grpc"}, {"last": "import tritonclient.grpc"}],
    ids=["alone", "after tritonclient", "before tritonclient"],
)
def test_needs_nothing_of_the_training_side_and_lives_beside_tritonclient(small_export, server, others):
    code = PREDICT.format(**{"first": "", "last": "", **others})
    done = subprocess.run(
        [sys.executable, "-c", code, str(small_export.edge), server.address],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\['(ant|bee|cow|dog)'\]\n", done.stdout)
