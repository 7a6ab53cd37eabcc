import pytest

from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.repository.files import read_repository


def test_models_come_by_name_with_their_highest_version(tmp_path, write_model, stamped):
    folder = write_model(tmp_path, "b", stamped, version=9)
    for version in ("10", "2"):
        (folder / version).mkdir()
        (folder / version / "model.onnx").write_bytes(stamped[0])
    for other in ("011", "latest", "-3"):
        (folder / other).mkdir()
    write_model(tmp_path, "a", stamped)
    (tmp_path / "README.txt").write_text("not a model")
    (tmp_path / ".git").mkdir()
    models = read_repository(tmp_path)
    assert [(model.name, model.version) for model in models] == [("a", 1), ("b", 10)]
    assert models[1].graph == folder / "10" / "model.onnx"
    assert models[0].parameter("phasekey.bundle_id") == "ab" * 32
    assert models[0].parameter("phasekey.other") is None


def test_a_configuration_may_say_all_that_tritons_may(tmp_path, write_model, plain):
    write_model(tmp_path, "plain", plain)
    (model,) = read_repository(tmp_path)
    assert model.config.max_batch_size == 8
    assert list(model.config.input[0].dims) == [4, 5, 5]


def test_another_file_name_may_be_configured(tmp_path, write_model, plain):
    graph, config = plain
    folder = write_model(tmp_path, "plain", (graph, config + 'default_model_filename: "net.onnx"'))
    (folder / "1" / "model.onnx").rename(folder / "1" / "net.onnx")
    assert read_repository(tmp_path)[0].graph.name == "net.onnx"


def refusal(root):
    with pytest.raises(CloudRuntimeError) as caught:
        read_repository(root)
    return str(caught.value)


def test_a_repository_must_exist_and_hold_a_model(tmp_path):
    assert f"{tmp_path / 'gone'} cannot be read (No such file or directory)" in refusal(tmp_path / "gone")
    (tmp_path / "file").write_text("")
    assert "cannot be read (Not a directory)" in refusal(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    assert "holds no model: expected NAME/config.pbtxt" in refusal(tmp_path / "empty")


def test_the_edge_folder_is_no_repository(tmp_path, stamped):
    edge = tmp_path / "edge"
    edge.mkdir()
    (edge / "encoder.onnx").write_bytes(stamped[0])
    assert "holds no model" in refusal(edge)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "config.pbtxt").unlink(), "config.pbtxt cannot be read"),
        (lambda folder: (folder / "config.pbtxt").write_text("input { name:"), "not a model configuration"),
        (lambda folder: (folder / "config.pbtxt").write_bytes(b"\xff\xfe"), "not a model configuration"),
        (lambda folder: (folder / "config.pbtxt").write_text('name: "other"'), "is of 'other'"),
        (lambda folder: (folder / "config.pbtxt").write_text('platform: "x"'), "is for 'x'"),
        (lambda folder: (folder / "config.pbtxt").write_text('backend: "python"'), "is for 'python'"),
        (lambda folder: (folder / "config.pbtxt").write_text("max_batch_size: -1"), "0 or more, not -1"),
        (lambda folder: (folder / "1").rename(folder / "one"), "has no version"),
        (lambda folder: (folder / "1" / "model.onnx").unlink(), "model.onnx cannot be read"),
    ],
)
def test_damage_is_said_with_the_models_name(tmp_path, write_model, stamped, damage, said):
    damage(write_model(tmp_path, "broken", stamped))
    text = refusal(tmp_path)
    assert "'broken'" in text
    assert said in text


@pytest.mark.parametrize("change", [lambda graph: graph[:-1], lambda graph: graph + b"\0", lambda graph: b""])
def test_a_graph_must_be_the_one_that_was_exported(tmp_path, write_model, stamped, change):
    path = write_model(tmp_path, "m", stamped) / "1" / "model.onnx"
    path.write_bytes(change(stamped[0]))
    text = refusal(tmp_path)
    assert "Model 'm'" in text
    assert "not the file that was exported" in text
