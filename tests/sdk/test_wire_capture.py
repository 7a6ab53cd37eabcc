"""Every byte between a client and a real server, caught on the way: x is there, and no secret is."""

import base64
import socket
import threading

import numpy as np
import pytest

from edge_runtime import Encoder
from phasekey.bundle import ROTATION
from phasekey.graph_runtime import GraphSession
from sdk import DerivedKeys, EdgeClient, Secrets
from sdk.secrets import hide, reveal

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


def found(captured, needles):
    return {name for name, pieces in needles.items() if any(piece in captured for piece in pieces)}


def everything_secret(export, images, keys):
    """All that must stay on the device, as it would look on the wire."""
    drawn = keys.draw(images, export.manifest.decoy.noise_size)
    feature, decoy = Encoder(export.edge, export.manifest).encode(images, drawn.noise)
    x = hide(np.stack([feature, decoy], axis=1), drawn.matrix)
    graph = GraphSession(export.cloud / export.manifest.model_name / "1" / "model.onnx")
    plain = graph.run({"x": np.concatenate([feature, decoy], axis=1)})["h"]  # as if never rotated
    processed = reveal(graph.run({"x": x})["h"], drawn.matrix)  # as the decoder gets it
    angles = [drawn.theta, np.cos(drawn.theta), np.sin(drawn.theta)]
    floats = [a.astype(kind) for a in angles for kind in ("<f8", ">f8", "<f4", ">f4")]
    return x, {
        "secret": [SECRET, SECRET.hex().encode(), base64.b64encode(SECRET)[:-2]],
        "angle": [value.tobytes() for array in floats for value in array]
        + [repr(float(t))[:9].encode() for t in drawn.theta],
        "noise": rows(drawn.noise),
        "feature": rows(feature) + rows(feature.astype(np.float64)) + rows(feature.astype(np.float16)),
        "decoy": rows(decoy) + rows(decoy.astype(np.float64)) + rows(decoy.astype(np.float16)),
        "processed feature": rows(plain) + rows(processed),
        "image": [image.tobytes()[:12] for image in images] + rows((images / 255).astype(np.float32)[..., 0]),
    }


def test_x_crosses_the_wire_and_nothing_secret_does(small_export, tap):
    images = small_export.network.images(6)
    with EdgeClient(small_export.edge, tap.address, secret=SECRET) as client:
        client.predict(images)
        client.predict(images[0])
    keys = DerivedKeys(SECRET, context=small_export.manifest.encoder.sha256.encode())
    x, secret = everything_secret(small_export, images, keys)
    captured = bytes(tap.bytes)
    assert all(row in captured for row in rows(x))
    assert found(captured, secret) == set()
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
    del secret["angle"]  # zero is everywhere
    assert found(bytes(tap.bytes), secret) == {"feature", "decoy", "processed feature"}


@pytest.mark.parametrize("what", ["secret", "angle", "noise", "image"])
def test_the_search_finds_each_kind(small_export, what):
    """The control of the search itself: each secret, put into some bytes, is found."""
    keys = DerivedKeys(SECRET)
    _, secret = everything_secret(small_export, small_export.network.images(6), keys)
    for piece in secret[what]:
        assert found(b"\x00\x01" + piece + b"\x02", {what: secret[what]}) == {what}


def test_the_number_of_images_is_all_that_the_sizes_tell(small_export, server):
    """Two images of different content take the same number of bytes."""
    black = np.zeros((1, 6, 6, 1), np.uint8)
    sizes = set()
    for image in (black, black + 255, small_export.network.images(1)):
        with EdgeClient(small_export.edge, server.address) as client:
            client.predict(image)
            sizes.add((client.traffic.bytes_up, client.traffic.bytes_down))
    assert len(sizes) == 1
