"""Writing and reading manifests, and every way in which one can be wrong."""

import dataclasses
import hashlib
import json
import shutil

import jsonschema
import pytest

from phasekey import bundle
from phasekey.bundle import BundleError, Manifest, TensorSpec, load_manifest
from phasekey.errors import PhasekeyError


@pytest.fixture
def edge(small_export, tmp_path):
    """Give a copy of the edge folder, to be damaged."""
    return shutil.copytree(small_export.edge, tmp_path / "edge")


def test_what_was_written_is_read(small_export):
    manifest = load_manifest(small_export.edge)
    assert manifest == small_export.manifest
    assert manifest.encoder.inputs[0] == TensorSpec("image", "uint8", (None, 6, 6, 1))
    assert manifest.labels == ("ant", "bee", "cow", "dog")
    assert isinstance(manifest.labels, tuple)


def test_the_text_is_the_same_each_time_and_sorted(small_export):
    text = small_export.manifest.to_json()
    assert text == Manifest.from_json(text).to_json()
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_the_checksums_are_the_files(small_export):
    for graph in (small_export.manifest.encoder, small_export.manifest.decoder):
        content = (small_export.edge / graph.file).read_bytes()
        assert graph.sha256 == hashlib.sha256(content).hexdigest()


def test_the_packaged_schema_is_a_schema_and_another_validator_agrees(small_export):
    schema = json.loads(bundle.schema_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(json.loads(small_export.manifest.to_json()), schema)


@pytest.mark.parametrize("file", ["encoder.onnx", "decoder.onnx"])
@pytest.mark.parametrize("damage", ["truncate", "flip", "remove"])
def test_a_damaged_graph_is_named(edge, file, damage):
    content = bytearray((edge / file).read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "remove":
        (edge / file).unlink()
    else:
        (edge / file).write_bytes(content if damage == "flip" else content[:-1])
    with pytest.raises(BundleError, match=file):
        load_manifest(edge)


def test_every_truncation_of_a_manifest_is_refused(edge):
    path = edge / "manifest.json"
    whole = path.read_text()
    for keep in range(0, len(whole.rstrip()), 37):
        path.write_text(whole[:keep])
        with pytest.raises(BundleError, match=r"manifest\.json"):
            load_manifest(edge)


def test_a_manifest_that_was_edited_is_refused(edge):
    path = edge / "manifest.json"
    path.write_text(path.read_text().replace('"bee"', '"bat"'))
    with pytest.raises(BundleError, match="does not match its own checksum"):
        load_manifest(edge)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[" * 100_000, b"[]", b'"text"', b"", b"NaN"])
def test_what_is_no_manifest_is_refused(edge, content):
    (edge / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError, match=r"manifest\.json"):
        load_manifest(edge)


def test_a_folder_without_a_bundle_says_what_to_give(tmp_path):
    with pytest.raises(PhasekeyError, match="Give an export, or its 'edge' folder"):
        load_manifest(tmp_path)
    with pytest.raises(PhasekeyError, match="Give an export, or its 'edge' folder"):
        load_manifest(tmp_path / "nowhere")


@pytest.mark.parametrize(("version", "advice"), [(3, "Update phasekey"), (0, "Export again")])
def test_another_format_version_is_refused_before_anything_else(small_export, version, advice):
    text = json.dumps({"format_version": version, "all": "new"})
    with pytest.raises(
        BundleError, match=rf"version {version}; this phasekey reads versions 1 and 2\. {advice}"
    ):
        Manifest.from_json(text)


SENTENCE = "Secret and decoys follow from the key."
ONE_OF_K = {"kind": "one-of-k", "k": 2, "assumptions": SENTENCE}
NATS = {
    **{"kind": "nats", "nats_per_transmission": 0.28, "feature_values": 12, "sigma": 2.0, "components": 2},
    "assumptions": SENTENCE,
}


def changed(manifest, change):
    """Give the manifest's text with a change and a checksum that fits it."""
    fields = json.loads(manifest.to_json())
    change(fields)
    fields.pop("checksum")
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return json.dumps({**fields, "checksum": hashlib.sha256(canonical.encode()).hexdigest()})


def setting(*path, to):
    def change(fields):
        for step in path[:-1]:
            fields = fields[step]
        fields[path[-1]] = to

    return change


def test_the_changing_helper_itself_gives_a_valid_manifest(small_export):
    Manifest.from_json(changed(small_export.manifest, lambda fields: None))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (setting("image", "height", to=0), "'image.height' is wrong: expected is a whole number, 1 or more"),
        (setting("image", "height", to=6.5), "'image.height'"),
        (setting("image", "channels", to=4), r"'image.channels' is wrong: expected is 1 \(grey\) or 3"),
        (setting("image", "dtype", to="float64"), "'image.dtype'"),
        (setting("labels", to=[]), "'labels'"),
        (setting("labels", to=["a", "a", "b", "c"]), "'labels' is wrong: expected is a list of class names"),
        (setting("labels", 2, to="evil\x1b[2J"), "'labels.2' is wrong"),
        (setting("bundle_id", to="abc"), "'bundle_id' is wrong: expected is a SHA-256"),
        (setting("encoder", "file", to="../encoder.onnx"), "'encoder.file' is wrong: .* plain file name"),
        (setting("encoder", "file", to="/etc/passwd"), "'encoder.file'"),
        (setting("encoder", "inputs", 0, "shape", 1, to="N"), "'encoder.inputs.0.shape.1'"),
        (setting("format_version", to="1"), "'format_version' is wrong"),
        (setting("format_version", to=True), "'format_version' is wrong"),
        (lambda fields: fields.pop("labels"), "lacks 'labels'"),
        (lambda fields: fields["image"].pop("width"), "lacks 'image.width'"),
        (setting("image", "colour", to="red"), "unknown field 'image.colour'"),
        (setting("surprise", to=1), "unknown field 'surprise'"),
        (setting("secret", "kind", to="translation"), "'secret.kind' is wrong: expected is \"rotation\""),
        (setting("secret", "components", to=1), "'secret.components' is wrong: .* 2 or more"),
        (setting("decoy", "sigma", to=0), "'decoy.sigma' is wrong: expected is a number above 0"),
        (setting("guarantee", to={"kind": "hope"}), "'guarantee.kind' is wrong"),
        (setting("guarantee", to={"kind": "nats"}), "lacks 'guarantee.assumptions'"),
        (setting("guarantee", to={"kind": "one-of-k", "k": 2, "nats": 1}), "lacks 'guarantee.assumptions'"),
        (setting("network", to=[]), "'network' is wrong: expected is an object"),
    ],
)
def test_a_wrong_field_is_named(small_export, change, said):
    with pytest.raises(BundleError, match=said):
        Manifest.from_json(changed(small_export.manifest, change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (setting("model_name", to="small-000000000000"), "does not end in the bundle_id"),
        (setting("image", "height", to=7), r"encoder takes image uint8 \(N, 6, 6, 1\)"),
        (setting("decoy", "noise_size", to=6), "encoder takes"),
        (setting("encoder", "outputs", 1, "shape", 1, to=3), "encoder gives"),
        (setting("encoder", "outputs", 0, "name", to="feat"), "encoder gives"),
        (setting("processing", "inputs", 0, "shape", 1, to=2), r"processing module takes x float32 \(N, 2,"),
        (setting("processing", "outputs", 0, "shape", 1, to=3), "processing module gives"),
        (setting("decoder", "inputs", 0, "name", to="h"), "decoder takes"),
        (setting("labels", to=["only", "three", "labels"]), "decoder gives"),
        (setting("secret", "components", to=4), r"encoder takes .*noise float32 \(N, 15\)"),
        (setting("secret", "kind", to="permutation"), r"asks? for x float32 \(N, 2, 4, 4\)"),
        (setting("decoy", "source", to="archive"), "encoder takes"),
        (setting("guarantee", to={**ONE_OF_K, "k": 4}), "guarantee is of 4 components, the secret of 2"),
        (setting("guarantee", to={**NATS, "components": 24}), "guarantee is of 24 components"),
    ],
)
def test_parts_that_do_not_fit_are_named(small_export, change, said):
    with pytest.raises(BundleError, match=said):
        Manifest.from_json(changed(small_export.manifest, change))


def test_a_manifest_that_would_not_load_is_not_written(small_export, tmp_path):
    wrong = dataclasses.replace(small_export.manifest, labels=("a", "b"))
    with pytest.raises(BundleError, match="decoder gives"):
        bundle.write_manifest(tmp_path, wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
def test_values_that_json_lacks_are_refused_on_writing(small_export, value):
    with pytest.raises(BundleError, match="JSON cannot"):
        dataclasses.replace(small_export.manifest, training={"loss": value}).to_json()


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "orthogonal", "components": 2},
        {"kind": "orthogonal", "components": 24},
        {"kind": "permutation", "components": 4},
        {"kind": "permutation", "components": 4, "archive": True},
        {"kind": "orthogonal", "components": 4, "archive": True},
    ],
)
def test_every_kind_of_secret_is_written_and_read(new_export, options):
    export = new_export(**options)
    manifest = load_manifest(export.edge)
    assert manifest == export.manifest
    assert manifest.secret == bundle.SecretSpec(options["kind"], options["components"])
    assert manifest.decoy.archived == options.get("archive", False)
    blocks = 1 if manifest.secret.permutes else options["components"]
    assert manifest.processing.inputs[0].shape == (None, 2 * blocks, 4, 4)
    assert manifest.proof.warning is None


@pytest.mark.parametrize("change", [setting("decoy", "noise_size", to=5), setting("decoy", "source", to="x")])
def test_an_archive_takes_no_noise_and_nothing_else_takes_none(new_export, change):
    manifest = new_export(kind="permutation", components=4, archive=True).manifest
    with pytest.raises(BundleError, match="contradicts itself"):
        Manifest.from_json(changed(manifest, change))


def test_a_rotation_has_two_components(new_export):
    manifest = new_export(kind="orthogonal", components=4).manifest
    with pytest.raises(BundleError, match="a rotation has 2 components, not 4"):
        Manifest.from_json(changed(manifest, setting("secret", "kind", to="rotation")))


@pytest.mark.parametrize(("guarantee", "nats"), [(None, None), (NATS, 0.28), (ONE_OF_K, None)])
def test_guarantees_are_kept_and_a_bound_is_told(small_export, guarantee, nats):
    manifest = dataclasses.replace(small_export.manifest, guarantee=guarantee)
    read = Manifest.from_json(manifest.to_json())
    assert read.guarantee == guarantee
    assert read.nats_per_transmission == nats
