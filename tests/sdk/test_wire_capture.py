"""Every byte between a client and a real server, caught on the way: x is there, and no secret is."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest

from edge_runtime import Encoder
from phasekey.bundle import ROTATION
from phasekey.graph_runtime import GraphSession
from sdk import DerivedKeys, EdgeClient, Secrets
from sdk.secrets import hide, reveal

from .wire_search import WRITINGS, found, numbers, pictures

SECRET = b"this-is-the-secret-of-the-device"


class Tap:
    """A TCP relay on loopback that keeps all bytes of both directions."""

    def __init__(self, target: str) -> None:
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.bytes, self.connections = bytearray(), 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(self._target)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    def _relay(self, source, sink):
        try:
            while data := source.recv(65536):
                self.bytes += data  # kept before it is passed on
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self):
        self._listener.close()


@pytest.fixture
def tap(server):
    relay = Tap(server.address)
    yield relay
    relay.close()


def rows(array):
    """Cut an array into the bytes of its last axis: short enough not to be split by HTTP/2 frames."""
    return [row.tobytes() for row in np.ascontiguousarray(array).reshape(-1, array.shape[-1])]


def keys_of(export):
    return DerivedKeys(SECRET, context=export.manifest.encoder.sha256.encode())


def everything_secret(export, images, keys):
    """What crosses the wire, and all that must stay on the device, as it would look there."""
    spec = export.network.secret
    drawn = keys.draw(images, export.manifest.decoy.noise_size, spec)
    feature, decoys = Encoder(export.edge, export.manifest).encode(images, drawn.noise)
    each = np.concatenate([feature[:, None], decoys.reshape(len(images), -1, *feature.shape[1:])], axis=1)
    x = hide(each, drawn.matrix, permuted=spec.permutes)
    graph = GraphSession(export.cloud / export.manifest.model_name / "1" / "model.onnx")
    plain = graph.run({"x": each.reshape(x.shape)})["h"]  # as if never hidden
    processed = reveal(graph.run({"x": x})["h"], drawn.matrix, permuted=spec.permutes)
    needles = {
        "secret": [SECRET, SECRET[:16], SECRET[::-1], hmac_key(SECRET)],
        "noise": numbers(drawn.noise),
        "feature": numbers(feature),
        "decoy": numbers(decoys),
        "processed feature": numbers(plain) | numbers(processed),
        "image": pictures(images),
    }
    if spec.permutes:  # rows of zeros and ones are everywhere; all orders after another are not
        orders = drawn.matrix.argmax(axis=2)
        needles["matrix"] = numbers(drawn.matrix.reshape(len(images), -1)) | {
            orders.astype(kind).tobytes() for kind in ("u1", "<i4", ">i4", "<i8", ">i8")
        }
        return x, needles
    needles["matrix"] = numbers(drawn.matrix) | numbers(drawn.matrix.transpose(0, 2, 1))
    if spec.kind == "rotation":
        needles["angle"] = {
            value.tobytes() for kind in ("<f8", ">f8", "<f4", ">f4") for value in drawn.theta.astype(kind)
        } | {repr(float(theta))[:9].encode() for theta in drawn.theta}
    return x, needles


def hmac_key(secret):
    """The key's block as HMAC (RFC 2104) keeps it: its copies would look so."""
    return bytes(byte ^ 0x36 for byte in secret.ljust(64, b"\0"))[: len(secret)]


KINDS = {
    "rotation": {},
    "orthogonal": {"kind": "orthogonal", "components": 4, "channels": 3},
    "permutation": {"kind": "permutation", "components": 4},
}
IN_THE_OPEN = {"feature", "decoy", "processed feature"}  # of permutations, whose secret is which row is which


@pytest.mark.parametrize("kind", KINDS)
def test_x_crosses_the_wire_and_nothing_secret_does(new_export, serve, kind):
    export = new_export(**KINDS[kind])
    images = export.network.images(6)
    with serve(export) as running:
        tap = Tap(running.address)
        with EdgeClient(export.edge, tap.address, secret=SECRET) as client:
            client.predict(images)
            client.predict(images[0])
        tap.close()
    x, secret = everything_secret(export, images, keys_of(export))
    captured = bytes(tap.bytes)
    assert all(row in captured for row in rows(x))
    assert found(captured, secret) == (IN_THE_OPEN if kind == "permutation" else set())
    assert tap.connections == 1


class NoRotation:
    """What a broken rotation would do: θ = 0, so x is the feature beside the decoy."""

    def draw(self, images, noise_size, secret=ROTATION):
        honest = DerivedKeys(SECRET).draw(images, noise_size)
        return Secrets.of_angles(np.zeros(len(images)), honest.noise)


def test_the_capture_would_show_a_leak(small_export, tap):
    """The control: without a rotation, the same search finds the feature and the decoy."""
    images = small_export.network.images(6)
    with EdgeClient(small_export.edge, tap.address, keys=NoRotation()) as client:
        client.predict(images)
    _, secret = everything_secret(small_export, images, NoRotation())
    del secret["angle"], secret["matrix"]  # zero and one are everywhere
    assert found(bytes(tap.bytes), secret) == IN_THE_OPEN


@pytest.mark.parametrize("writing", WRITINGS)
def test_the_search_finds_each_kind_in_each_writing(small_export, writing):
    """The control of the search itself: each secret, written into some bytes, is found."""
    _, secret = everything_secret(small_export, small_export.network.images(2), keys_of(small_export))
    noise = np.random.default_rng(0).bytes(500)
    assert found(noise, secret) == set()
    for what, pieces in secret.items():
        for piece in sorted(pieces)[:: max(1, len(pieces) // 8)]:
            written = WRITINGS[writing](b"\x00\x01\x02" + piece + b"\x03" * 12)
            assert found(noise + b" " + written + b" " + noise, {what: [piece]}) == {what}


def test_calls_carry_no_metadata_beyond_grpcs_own(small_export, server):
    """Headers are packed (HPACK), which a search of bytes does not see: read as the server does."""
    seen, channel = [], grpc.insecure_channel(server.address)

    class Relay(grpc.GenericRpcHandler):
        def service(self, details):
            seen.append((details.method.rpartition("/")[2], {key for key, _ in details.invocation_metadata}))
            call = channel.unary_unary(details.method)
            return grpc.unary_unary_rpc_method_handler(lambda request, context: call(request))

    relay = grpc.server(ThreadPoolExecutor(2))
    relay.add_generic_rpc_handlers([Relay()])
    port = relay.add_insecure_port("127.0.0.1:0")
    relay.start()
    with EdgeClient(small_export.edge, f"127.0.0.1:{port}", secret=SECRET) as client:
        client.predict(small_export.network.images(1))
    relay.stop(0).wait()
    channel.close()
    methods = ["ServerReady", "ModelReady", "ModelMetadata", "ModelInfer"]
    assert seen == [(method, {"user-agent"}) for method in methods]


def test_the_number_of_images_is_all_that_the_sizes_tell(small_export, server):
    """Two images of different content take the same number of bytes."""
    black = np.zeros((1, 6, 6, 1), np.uint8)
    sizes = set()
    for image in (black, black + 255, small_export.network.images(1)):
        with EdgeClient(small_export.edge, server.address) as client:
            client.predict(image)
            sizes.add((client.traffic.bytes_up, client.traffic.bytes_down))
    assert len(sizes) == 1
