"""That joining changes nothing: small bias-free equivariant graphs for k components, and for permutations."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from cloud_runtime.repository.models import ModelRepository
from cloud_runtime.serving.batches import join, joinable, part, rows

CHANNELS, SIZE = 3, 6
# Sums in another order are other bits: what joining may change of values of about 1.
TOLERANCE = 1e-5


def _model(groups: int, channels: int) -> bytes:
    """Two convolutions without bias, the same weight for each of `groups` components, pooled between."""
    rng = np.random.default_rng(groups)
    first, second = (rng.standard_normal((channels, channels, 3, 3)).astype(np.float32) / 5 for _ in "12")
    width = groups * channels
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["a"], group=groups, pads=[1, 1, 1, 1]),
        helper.make_node("AveragePool", ["a"], ["b"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["b", "second"], ["h"], group=groups),
    ]
    graph = helper.make_graph(
        nodes,
        "processing",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", width, SIZE, SIZE])],
        [helper.make_tensor_value_info("h", TensorProto.FLOAT, ["N", width, 1, 1])],
        [
            numpy_helper.from_array(np.concatenate([first] * groups), "first"),
            numpy_helper.from_array(np.concatenate([second] * groups), "second"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


@pytest.fixture(params=[2, 4])
def k(request):
    return request.param


def _load(tmp_path, write_model, groups):
    write_model(tmp_path, "m", (_model(groups, CHANNELS), "max_batch_size: 64 dynamic_batching { }"))
    repository = ModelRepository(tmp_path)
    repository.load_all()
    return repository.find("m")


def _joined(model, parts):
    outputs = model.run(join([{"x": x} for x in parts]))
    return [output["h"] for output in part(outputs, [len(x) for x in parts])]


def test_requests_of_k_components_come_out_as_if_alone_and_turned(tmp_path, write_model, k):
    """Each with an orthogonal matrix of its own: joined, h_i = (Q_i ⊗ I) Φ(f_i) still holds for every one."""
    rng, model = np.random.default_rng(k), _load(tmp_path, write_model, k)
    plain = [rng.standard_normal((size, k, CHANNELS, SIZE, SIZE)).astype(np.float32) for size in (1, 3, 2)]
    secrets = [np.linalg.qr(rng.standard_normal((k, k)))[0] for _ in plain]
    hidden = [
        np.einsum("ij,njchw->nichw", q, f).reshape(len(f), k * CHANNELS, SIZE, SIZE).astype(np.float32)
        for q, f in zip(secrets, plain, strict=True)
    ]
    for f, q, x, h in zip(plain, secrets, hidden, _joined(model, hidden), strict=True):
        np.testing.assert_allclose(h, model.run({"x": x})["h"], atol=TOLERANCE)
        bare = model.run({"x": f.reshape(x.shape)})["h"].reshape(len(f), k, CHANNELS, 1, 1)
        turned = np.einsum("ij,njchw->nichw", q, bare).reshape(h.shape)
        np.testing.assert_allclose(h, turned, atol=TOLERANCE)


def test_requests_of_permuted_samples_come_out_as_if_alone(tmp_path, write_model, k):
    """Permutation secrets: x is (N·k, C, …), k rows of a sample in secret order, a plain graph."""
    rng, model = np.random.default_rng(k), _load(tmp_path, write_model, 1)
    plain = [rng.standard_normal((size * k, CHANNELS, SIZE, SIZE)).astype(np.float32) for size in (1, 3, 2)]
    orders = [np.concatenate([start + rng.permutation(k) for start in range(0, len(f), k)]) for f in plain]
    hidden = [f[order] for f, order in zip(plain, orders, strict=True)]
    for f, order, h in zip(plain, orders, _joined(model, hidden), strict=True):
        np.testing.assert_allclose(h, model.run({"x": f})["h"][order], atol=TOLERANCE)


def test_parting_undoes_joining():
    parts = [{"x": np.arange(n)[:, None], "y": np.ones((n, 2))} for n in (2, 1, 3)]
    for one, other in zip(part(join(parts), [2, 1, 3]), parts, strict=True):
        assert one["x"].tolist() == other["x"].tolist()
        assert one["y"].shape == other["y"].shape
    assert rows(parts[2], 1, 3)["x"].tolist() == [[1], [2]]


def test_only_the_first_axis_may_differ():
    assert joinable({"x": np.zeros((1, 4))}, {"x": np.zeros((3, 4))})
    assert not joinable({"x": np.zeros((1, 4))}, {"x": np.zeros((1, 5))})
