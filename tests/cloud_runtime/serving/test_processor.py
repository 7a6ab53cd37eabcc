import numpy as np
import pytest
from onnx import TensorProto, helper

from cloud_runtime.errors import CloudRuntimeError, InvalidInputError
from cloud_runtime.repository.models import ModelRepository
from cloud_runtime.serving.processor import RunOptions


def load_processors(root, **options):
    """Every model of a repository, by name."""
    models = ModelRepository(root, RunOptions(**options))
    models.load_all()
    return {model.name: model for model in models.processors}


def test_process_is_the_equation(repository, convolution, x):
    models = load_processors(repository)
    assert list(models) == ["plain", "stamped"]
    for model in models.values():
        np.testing.assert_allclose(model.process({"x": x})["h"], convolution.oracle(x), atol=1e-5)


def test_process_commutes_with_rotation(repository, x):
    """Φ(e^{iθ}f) = e^{iθ}Φ(f): real and imaginary blocks are where the layout says."""
    model = load_processors(repository)["stamped"]

    def turn(pairs, theta):
        real, imaginary = np.split(pairs, 2, axis=1)
        turned = (real + 1j * imaginary) * np.exp(1j * theta)
        return np.concatenate([turned.real, turned.imag], axis=1).astype(np.float32)

    h = model.process({"x": x})["h"]
    np.testing.assert_allclose(model.process({"x": turn(x, 1.1)})["h"], turn(h, 1.1), atol=1e-5)


def test_process_checks_its_inputs(repository):
    with pytest.raises(InvalidInputError, match="'x' must be FP32"):
        load_processors(repository)["stamped"].process({"x": np.zeros((1, 4, 5, 6), np.float32)})


def refusal(root):
    with pytest.raises(CloudRuntimeError) as caught:
        load_processors(root)
    return str(caught.value)


@pytest.mark.parametrize("graph", [b"", b"not onnx", None])
def test_a_corrupt_graph_is_said_with_the_models_name(tmp_path, write_model, plain, graph):
    write_model(tmp_path, "broken", (plain[0][:200] if graph is None else graph, plain[1]))
    text = refusal(tmp_path)
    assert "Model 'broken'" in text
    assert "is not an ONNX graph" in text


STAMPS = {"format_version": "1", "bundle_id": "ab" * 32, "role": "processing"}


@pytest.mark.parametrize(
    ("stamps", "said"),
    [
        ({"bundle_id": "cd" * 32}, "from different exports"),
        ({"format_version": "2"}, "format version 2, this server reads 1"),
        ({"role": "encoder"}, "the encoder, which belongs on the device"),
    ],
)
def test_a_graph_of_another_export_version_or_role(tmp_path, write_model, convolution, plain, stamps, said):
    graph = convolution.graph(**STAMPS | stamps)
    config = plain[1] + f'parameters {{ key: "phasekey.bundle_id" value {{ string_value: "{"ab" * 32}" }} }}'
    write_model(tmp_path, "m", (graph, config))
    assert said in refusal(tmp_path)


def test_a_stamped_graph_needs_its_own_configuration(tmp_path, write_model, stamped, plain):
    write_model(tmp_path, "m", (stamped[0], plain[1]))
    assert "its config.pbtxt of bundle None" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dims: [ 4, 5, 5 ]", "dims: [ 4, 5, 6 ]"),
        ("dims: [ 4, 5, 5 ]", "dims: [ -1, 4, 5, 5 ]"),
        ("dims: [ 6, 3, 3 ]", "dims: [ 5, 3, 3 ]"),
        ('name: "x"', 'name: "image"'),
        ("TYPE_FP32", "TYPE_FP16"),
        ("max_batch_size: 8", "max_batch_size: 0"),
    ],
)
def test_a_configuration_may_not_contradict_its_graph(tmp_path, write_model, plain, old, new):
    assert old in plain[1]
    write_model(tmp_path, "m", (plain[0], plain[1].replace(old, new)))
    assert "Model 'm': the configuration" in refusal(tmp_path)


def test_batches_need_a_graph_that_takes_them(tmp_path, write_model, convolution, plain):
    write_model(tmp_path, "m", (convolution.graph(batch=1), plain[1]))
    assert "max_batch_size > 0 needs graphs with a free first axis" in refusal(tmp_path)


def test_a_configuration_may_leave_the_rest_to_the_graph(tmp_path, write_model, convolution, x):
    write_model(tmp_path, "m", (convolution.graph(), 'backend: "onnxruntime"'))
    (model,) = load_processors(tmp_path).values()
    assert model.signature.max_batch_size == 0
    many = np.tile(x, (20, 1, 1, 1))
    np.testing.assert_allclose(model.process({"x": many})["h"], convolution.oracle(many), atol=1e-5)


@pytest.mark.parametrize(
    ("element_type", "dtype"), [("INT64", "int64"), ("DOUBLE", "float64"), ("BOOL", "bool")]
)
def test_other_element_types_are_served(tmp_path, write_model, element_type, dtype):
    value = [
        helper.make_tensor_value_info(name, TensorProto.DataType.Value(element_type), [None]) for name in "xy"
    ]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "same", value[:1], value[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    write_model(tmp_path, "m", (model.SerializeToString(), "max_batch_size: 2"))
    (served,) = load_processors(tmp_path).values()
    x = np.array([1, 0], dtype)
    assert served.process({"x": x})["y"].tolist() == x.tolist()


def test_an_unknown_device_is_said(repository):
    with pytest.raises(CloudRuntimeError, match="Unknown device 'abacus'"):
        load_processors(repository, device="abacus")
