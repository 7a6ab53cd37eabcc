"""What comes back: equality, top, timings, and the parts for a transport of one's own."""

import copy
import pickle

import numpy as np
import pytest

from phasekey.graph_runtime import GraphSession
from sdk import ClientClosed, Device, EdgeClient, InvalidReply, Prediction, Timings

SECRET = bytes(range(32))


def test_predictions_can_be_compared():
    one, same, other = (
        Prediction(["a"], np.array([[value, 1 - value]], np.float32)) for value in (0.75, 0.75, 0.25)
    )
    assert one == same
    assert one != other
    assert one != "a"
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_top_and_timings(small_export, memory):
    images = small_export.network.images(3)
    with EdgeClient(small_export.edge, transport=memory, batch_size=2) as client:
        result = client.predict(images)
    for row, best in zip(result.probabilities, result.top(2), strict=True):
        assert [name for name, _ in best] == [small_export.manifest.labels[k] for k in np.argsort(-row)[:2]]
        assert best[0][1] == row.max()
    assert len(result.top(99)[0]) == 4
    assert min(result.timings.encode, result.timings.hide, result.timings.wire, result.timings.decode) > 0
    assert result.timings.total == pytest.approx(
        result.timings.encode + result.timings.hide + result.timings.wire + result.timings.decode
    )
    assert (result.timings + Timings(wire=1)).wire == result.timings.wire + 1
    assert (result.images, result.fallen_back, result.reason) == ((0, 1, 2), (), None)


@pytest.mark.parametrize("options", [{}, {"kind": "orthogonal", "components": 3}])
def test_encode_and_decode_for_a_transport_of_ones_own(new_export, options):
    export = new_export(**options)
    images = export.network.images(4)
    graph = GraphSession(export.cloud / export.manifest.model_name / "1" / "model.onnx")
    device = Device(export.edge, secret=SECRET)
    hidden = device.encode(images)
    result = device.decode(hidden, graph.run({"x": hidden.x})["h"])
    np.testing.assert_allclose(result.probabilities, export.network.probabilities(images), atol=2e-5)
    with pytest.raises(InvalidReply):
        device.decode(hidden, hidden.x[:, :1])
    assert repr(hidden) == "Hidden(4 images, secrets hidden)"
    for spread in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="hold secrets"):
            spread(hidden)


def test_warm_up_sends_no_x_and_model_info_tells(small_export, memory):
    with EdgeClient(small_export.edge, transport=memory) as client:
        client.warm_up()
        info = client.model_info()
    assert memory.sent == []
    assert memory.checks == 1
    assert (info.image, info.dtype, info.labels) == ((6, 6, 1), "uint8", ("ant", "bee", "cow", "dog"))
    assert (info.components, info.bytes_up, info.bytes_down) == (2, 4 * 16 * 4, 6 * 16 * 4)
    assert info.local_fallback is False
    with pytest.raises(ClientClosed):
        client.warm_up()
