"""Every wire and arithmetic: exported by the command, served by a real server, asked by the SDK."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from phasekey.bundle import load_manifest
from phasekey.cli import main
from phasekey.training.data.registry import load_dataset
from sdk import EdgeClient, Prediction

SECRET = bytes(range(32))  # one for all: every export of a network then draws the same angles and decoys
KINDS = ("float32", "float16", "int8", "all int8")  # of the wire; and arithmetic and wire
X_VALUES, H_VALUES = 12 * 14 * 14, 168
OVERHEAD = 300  # bytes around x in a request of one image, at most

Answer = tuple[Prediction, float, float]


@pytest.fixture(scope="module")
def ask(exported, coarse, tmp_path_factory) -> Callable[[str], Answer]:
    """ask(kind) -> (prediction for the 355 held-out digits, bytes up, bytes down for each image)."""
    answers: dict[str, Answer] = {}

    def export(kind: str) -> Path:
        made = {"float16": exported.bundle, "all int8": coarse.bundle}  # float16 is the default
        if kind in made:
            return made[kind]
        bundle: Path = tmp_path_factory.mktemp("bundle") / "bundle"
        checkpoint = str(exported.checkpoint)
        assert main(["export", "--ckpt", checkpoint, "--out", str(bundle), "--wire", kind]) == 0
        return bundle

    def predict(kind: str) -> Answer:
        bundle = export(kind)
        images = load_dataset("digits").test.images
        with (
            start(ServerConfig(bundle / "cloud", listen="127.0.0.1:0")) as server,
            EdgeClient(bundle / "edge", server.address, secret=SECRET, batch_size=1) as client,
        ):
            prediction = client.predict(images)
            traffic = client.traffic
        return prediction, traffic.bytes_up / len(images), traffic.bytes_down / len(images)

    def once(kind: str) -> Answer:
        if kind not in answers:
            answers[kind] = predict(kind)
        return answers[kind]

    return once


@pytest.mark.parametrize(
    ("kind", "same", "gap"),
    [("float16", 0.995, 1e-4), ("int8", 0.98, 5e-3), ("all int8", 0.98, 5e-3)],
)
def test_predictions_are_those_of_float32(ask, kind: str, same: float, gap: float) -> None:
    """same: share of equal labels; gap: median over images of the largest difference of a probability."""
    reference, found = ask("float32")[0], ask(kind)[0]
    shares = np.mean([a == b for a, b in zip(reference.labels, found.labels, strict=True)])
    gaps = np.abs(reference.probabilities - found.probabilities).max(axis=1)
    assert shares >= same
    assert 0 < np.median(gaps) <= gap


def test_labels_are_right(ask) -> None:
    labels = load_dataset("digits").test.labels
    for kind in KINDS:
        right = np.mean([int(a) == b for a, b in zip(ask(kind)[0].labels, labels, strict=True)])
        assert right > 0.85, kind


@pytest.mark.parametrize(("kind", "size"), [("float32", 4), ("float16", 2), ("int8", 1), ("all int8", 1)])
def test_bytes_on_the_wire_follow_the_type(ask, kind: str, size: int) -> None:
    _, up, down = ask(kind)
    assert size * X_VALUES < up < size * X_VALUES + OVERHEAD
    assert size * H_VALUES < down < size * H_VALUES + OVERHEAD


def test_the_manifest_and_the_server_speak_of_the_wires_type(exported) -> None:
    manifest = load_manifest(exported.edge)
    assert manifest.wire.dtype == "float16"
    assert {spec.dtype for spec in (*manifest.processing.inputs, *manifest.processing.outputs)} == {"float16"}
    assert {spec.dtype for spec in (*manifest.encoder.outputs, *manifest.decoder.inputs)} == {"float32"}
