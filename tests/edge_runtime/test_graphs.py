"""Encoder and decoder against the numpy oracle."""

import dataclasses
import shutil

import numpy as np
import pytest

from edge_runtime import Decoder, EdgeRuntimeError, Encoder
from phasekey.bundle.checksums import sha256_of_file


def noise(count, size=5):
    return np.random.default_rng(3).normal(size=(count, size)).astype(np.float32)


@pytest.mark.parametrize("options", [{}, {"channels": 3}, {"channels": 3, "dtype": "float32"}])
@pytest.mark.parametrize("count", [1, 4])
def test_computes_feature_and_decoy(new_export, options, count):
    export = new_export(**options)
    images, drawn = export.network.images(count), noise(count)
    feature, decoy = Encoder(export.edge, export.manifest).encode(images, drawn)
    assert feature.dtype == decoy.dtype == np.float32
    np.testing.assert_allclose(feature, export.network.feature(images), atol=1e-5)
    np.testing.assert_allclose(decoy, export.network.decoy(drawn), atol=1e-5)


@pytest.mark.parametrize(
    ("images", "drawn", "said"),
    [
        (np.zeros((2, 6, 6, 1), np.float32), noise(2), "'image' must be uint8"),
        (np.zeros((2, 6, 7, 1), np.uint8), noise(2), r"not uint8 \(2, 6, 7, 1\)"),
        (np.zeros((2, 6, 6, 1), np.uint8), noise(2, 4), r"'noise' must be float32 \(N, 5\)"),
        (np.zeros((2, 6, 6, 1), np.uint8), noise(3), "size 3 where another has 2"),
    ],
)
def test_the_encoder_refuses_arrays_that_do_not_fit(small_export, images, drawn, said):
    with pytest.raises(EdgeRuntimeError, match=said):
        Encoder(small_export.edge, small_export.manifest).encode(images, drawn)


def manifest_for(edge, manifest):
    """The manifest with the checksum of whatever lies there as encoder."""
    checksum = sha256_of_file(edge / "encoder.onnx")
    return dataclasses.replace(manifest, encoder=dataclasses.replace(manifest.encoder, sha256=checksum))


def test_refuses_a_graph_that_is_not_the_manifests(small_export, tmp_path):
    edge = shutil.copytree(small_export.edge, tmp_path / "edge")
    shutil.copy(edge / "decoder.onnx", edge / "encoder.onnx")
    with pytest.raises(EdgeRuntimeError, match=r"encoder\.onnx is not the graph of its manifest"):
        Encoder(edge, small_export.manifest)


def test_refuses_a_truncated_file_by_name(small_export, tmp_path):
    edge = shutil.copytree(small_export.edge, tmp_path / "edge")
    path = edge / "encoder.onnx"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(EdgeRuntimeError, match=r"encoder\.onnx: .* is not an ONNX graph"):
        Encoder(edge, manifest_for(edge, small_export.manifest))


def test_refuses_a_graph_other_than_the_manifest_says(small_export, tmp_path):
    edge = shutil.copytree(small_export.edge, tmp_path / "edge")
    shutil.copy(edge / "decoder.onnx", edge / "encoder.onnx")
    with pytest.raises(EdgeRuntimeError, match=r"encoder\.onnx has other inputs or outputs"):
        Encoder(edge, manifest_for(edge, small_export.manifest))


def test_refuses_a_manifest_with_another_file(small_export):
    graph = dataclasses.replace(small_export.manifest.encoder, file="none.onnx")
    with pytest.raises(EdgeRuntimeError, match=r"none\.onnx cannot be read: No such file"):
        Encoder(small_export.edge, dataclasses.replace(small_export.manifest, encoder=graph))


@pytest.mark.parametrize("count", [1, 4])
def test_computes_probabilities(small_export, count):
    network = small_export.network
    images = network.images(count)
    processed = np.einsum("nfhw,pf->nphw", network.feature(images), network.processing).astype(np.float32)
    probabilities = Decoder(small_export.edge, small_export.manifest).decode(processed)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, network.probabilities(images), atol=1e-5)


def test_the_decoder_refuses_arrays_that_do_not_fit(small_export):
    decoder = Decoder(small_export.edge, small_export.manifest)
    with pytest.raises(EdgeRuntimeError, match=r"'feature' must be float32 \(N, 3, 4, 4\)"):
        decoder.decode(np.zeros((2, 6, 4, 4), np.float32))
    with pytest.raises(EdgeRuntimeError, match="not float64"):
        decoder.decode(np.zeros((2, 3, 4, 4)))
