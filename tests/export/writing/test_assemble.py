"""The bundle on disk: reproducible, nothing in it that does not belong there, a folder Triton can read."""

import hashlib
import json
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf import text_format
from onnx import numpy_helper
from tritonclient.grpc import model_config_pb2 as triton

import export.pipeline
from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from export.writing.assemble import write_bundle
from phasekey.bundle import load_manifest, write_manifest
from phasekey.cli import main
from phasekey.training.checkpoint import load_checkpoint, save_checkpoint
from phasekey.training.controls import stability
from phasekey.training.data.registry import load_dataset
from sdk import EdgeClient

SUMMARY: dict[str, object] = {
    "date": "2026-11-20", "phasekey": "0.1.0", "budget": "quick", "kind": "bundle",
    "subject_sha256": "ab" * 32, "audited": "the graphs", "data": "digits",
    "decoy_law": "gaussian-images", "keys": "derived",
    "box": "white", "incomplete": None, "verdict": "It leaks.", "grade": "leak", "figures": {},
    "report_sha256": "cd" * 32,
}  # fmt: skip


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def graphs(bundle: Path) -> dict[str, onnx.ModelProto]:
    (processing,) = bundle.glob("cloud/*/1/model.onnx")
    paths = {"encoder": bundle / "edge" / "encoder.onnx", "decoder": bundle / "edge" / "decoder.onnx"}
    return {role: onnx.load(path) for role, path in {**paths, "processing": processing}.items()}


def test_the_files_are_those_that_were_promised(exported) -> None:
    name = load_manifest(exported.edge).model_name
    assert set(tree(exported.bundle)) == {
        *("edge/encoder.onnx", "edge/decoder.onnx", "edge/manifest.json"),
        *(f"cloud/{name}/config.pbtxt", f"cloud/{name}/1/model.onnx", "model-card.md"),
    }


def test_the_same_checkpoint_gives_the_same_bytes(exported, tmp_path: Path) -> None:
    assert main(["export", "--ckpt", str(exported.checkpoint), "--out", str(tmp_path / "again")]) == 0
    assert tree(tmp_path / "again") == tree(exported.bundle)


def test_with_local_fallback_the_device_computes_what_the_cloud_would(exported, tmp_path: Path) -> None:
    out = tmp_path / "fallback"
    options = ["--with-local-fallback", "--no-score"]
    assert main(["export", "--ckpt", str(exported.checkpoint), "--out", str(out), *options]) == 0
    manifest = load_manifest(out / "edge")
    (processing,) = out.glob("cloud/*/1/model.onnx")
    assert (out / "edge" / "processing.onnx").read_bytes() == processing.read_bytes()
    assert manifest.bundle_id == load_manifest(exported.edge).bundle_id
    secret = bytes(range(32))
    with (
        start(ServerConfig(model_repository=out / "cloud", listen="127.0.0.1:0")) as running,
        EdgeClient(out / "edge", running.address, secret=secret) as client,
    ):
        expected = client.predict(exported.images[:4])
    alone = EdgeClient(out / "edge", "127.0.0.1:1", secret=secret, on_unavailable="local")
    found = alone.predict(exported.images[:4])
    assert found.fallen_back == (0, 1, 2, 3)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)


def test_each_graph_says_what_it_is_and_where_it_belongs(exported) -> None:
    manifest = load_manifest(exported.edge)
    for role, model in graphs(exported.bundle).items():
        facts = {entry.key: entry.value for entry in model.metadata_props}
        tie = {"phasekey.bundle_id": manifest.bundle_id} if role == "processing" else {}
        assert facts == {"phasekey.format_version": "1", "phasekey.role": role, **tie}
        onnx.checker.check_model(model, full_check=True)
    assert manifest.model_name == f"lenet-digits-{manifest.bundle_id[:12]}"


def test_nothing_of_the_exporting_machine_travels(exported) -> None:
    for path in exported.bundle.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for trace in (str(Path.cwd()), str(Path.home()) + "/", "stack_trace", ".py"):
                assert trace.encode() not in content, f"{trace} in {path}"


def test_the_cloud_gets_no_weight_of_encoder_or_decoder(exported) -> None:
    models = graphs(exported.bundle)
    cloud = b"".join(path.read_bytes() for path in exported.cloud.rglob("*") if path.is_file())
    for role in ("encoder", "decoder"):
        weights = [numpy_helper.to_array(tensor) for tensor in models[role].graph.initializer]
        weights = [value for value in weights if value.dtype == np.float32 and value.size >= 8]
        assert weights
        for value in weights:
            assert value.tobytes() not in cloud


def test_config_pbtxt_reads_as_tritons_own_message(exported) -> None:
    manifest = load_manifest(exported.edge)
    text = (exported.cloud / manifest.model_name / "config.pbtxt").read_text()
    config = text_format.Parse(
        text, triton.ModelConfig()
    )  # Triton's schema, not ours; refuses unknown fields
    assert config.name == manifest.model_name
    assert config.platform == "onnxruntime_onnx"
    assert [(i.name, i.data_type, list(i.dims)) for i in config.input] == [
        ("x", triton.TYPE_FP16, [12, 14, 14])
    ]
    assert [(o.name, o.data_type, list(o.dims)) for o in config.output] == [("h", triton.TYPE_FP16, [168])]
    assert config.max_batch_size == 64


def test_the_manifest_tells_network_training_and_decoys(exported) -> None:
    manifest = json.loads((exported.edge / "manifest.json").read_text())
    assert manifest["network"]["arch"] == "lenet"
    assert manifest["network"]["feature_shape"] == [6, 14, 14]
    assert manifest["training"]["data"] == "digits"
    assert 0 < manifest["training"]["test_accuracy"] <= 1
    decoy = {"source": "gaussian-images", "noise_size": 64, "in_training": "another-input", "sigma": 1.0}
    assert manifest["decoy"] == decoy
    assert manifest["labels"] == [str(digit) for digit in range(10)]


def test_the_card_tells_how_far_answers_hang_on_the_secret(exported) -> None:
    """As training measured it, which `stability` gives again from the checkpoint."""
    network, facts = load_checkpoint(exported.checkpoint).network, load_manifest(exported.edge).training
    found = stability(network, load_dataset("digits", None).test, 10).facts()
    assert facts["stability"] == pytest.approx(found)
    card = (exported.bundle / "model-card.md").read_text()
    assert f"({found['lowest']:.2%} to {found['highest']:.2%}); {found['changing']:.2%} of the images" in card


def test_one_encoder_has_one_checksum_in_every_export(exported, tmp_path: Path) -> None:
    # From it the device derives its keys: else one image would leave under two angles, and that gives
    # its feature away.
    arguments = ["export", "--ckpt", str(exported.checkpoint), "--out", str(tmp_path / "coarse")]
    assert main([*arguments, "--wire", "int8"]) == 0
    one, other = load_manifest(exported.edge), load_manifest(tmp_path / "coarse" / "edge")
    assert one.bundle_id != other.bundle_id
    assert one.encoder.sha256 == other.encoder.sha256


def test_a_failed_export_leaves_the_old_bundle(exported, tmp_path: Path, capsys) -> None:
    out = tmp_path / "bundle"
    assert main(["export", "--ckpt", str(exported.checkpoint), "--out", str(out)]) == 0
    before = tree(out)
    broken = tmp_path / "broken.pt"
    broken.write_bytes(exported.checkpoint.read_bytes()[:1000])
    assert main(["export", "--ckpt", str(broken), "--out", str(out)]) == 2
    assert "is no checkpoint" in capsys.readouterr().err
    assert tree(out) == before


@pytest.mark.parametrize("name", ["Has Space", "../up", ""])
def test_a_model_name_that_is_no_folder_name_is_refused(exported, tmp_path: Path, capsys, name: str) -> None:
    arguments = ["export", "--ckpt", str(exported.checkpoint), "--out", str(tmp_path / "b"), "--name", name]
    assert main(arguments) == 2
    assert "error: " in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def test_exporting_again_keeps_the_audit_of_the_same_graphs(exported, tmp_path: Path) -> None:
    out = shutil.copytree(exported.bundle, tmp_path / "bundle")
    write_manifest(out / "edge", replace(load_manifest(out / "edge"), audit=SUMMARY))
    arguments = ["export", "--ckpt", str(exported.checkpoint), "--out", str(out)]
    assert main(arguments) == 0
    assert load_manifest(out / "edge").audit == SUMMARY
    assert "It leaks." in (out / "model-card.md").read_text()
    assert main([*arguments, "--wire", "float32"]) == 0  # other graphs, which nobody has audited
    assert load_manifest(out / "edge").audit is None


def test_exporting_another_model_keeps_the_former_for_devices_that_have_it(
    exported, tmp_path: Path, capsys
) -> None:
    out = shutil.copytree(exported.bundle, tmp_path / "bundle")
    former = load_manifest(out / "edge").model_name
    before = tree(out / "cloud" / former)
    assert main(["export", "--ckpt", str(exported.checkpoint), "--out", str(out), "--wire", "int8"]) == 0
    now = load_manifest(out / "edge").model_name
    assert {path.name for path in (out / "cloud").iterdir()} == {former, now}
    assert tree(out / "cloud" / former) == before
    assert f"kept  {out / 'cloud' / former}" in capsys.readouterr().out
    with start(ServerConfig(out / "cloud", listen="127.0.0.1:0")) as server:  # both are served
        for edge in (exported.edge, out / "edge"):
            with EdgeClient(edge, server.address) as client:
                assert len(client.predict(exported.images[:1]).labels) == 1


def test_a_full_disk_is_one_line_and_leaves_the_old_bundle(
    exported, tmp_path: Path, capsys, monkeypatch
) -> None:
    out = shutil.copytree(exported.bundle, tmp_path / "bundle")
    before = tree(out)

    def on_a_small_disk(*arguments: object) -> object:
        """No file may be longer than 10 kB while the bundle is written."""
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        try:
            return write_bundle(*arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    monkeypatch.setattr(export.pipeline, "write_bundle", on_a_small_disk)
    assert main(["export", "--ckpt", str(exported.checkpoint), "--out", str(out), "--no-score"]) == 2
    said = capsys.readouterr().err
    assert "cannot write" in said
    assert "File too large" in said
    assert "Traceback" not in said
    assert tree(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_the_manifest_names_the_data_and_no_path(exported, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(exported.checkpoint)
    config = {**checkpoint.config, "data": "/home/somebody/private/digits.tar.gz"}
    save_checkpoint(tmp_path / "model.pt", replace(checkpoint, config=config))
    assert main(["export", "--ckpt", str(tmp_path / "model.pt"), "--out", str(tmp_path / "out")]) == 0
    manifest = json.loads((tmp_path / "out" / "edge" / "manifest.json").read_text())
    assert manifest["training"]["settings"]["data"] == "digits"
    for path in (tmp_path / "out").rglob("*.*"):
        assert not path.is_file() or b"somebody" not in path.read_bytes()
    # Where the data is not at hand, the card says that nothing was measured.
    assert "accuracy" not in manifest["export"]
    assert "not measured" in (tmp_path / "out" / "model-card.md").read_text()
