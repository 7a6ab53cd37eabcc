import shutil

import numpy as np
import pytest

from phasekey.audit.errors import AuditError
from phasekey.audit.numerics.rotation import hide, unrotate
from phasekey.audit.subject.bundle_device import BundleDevice
from phasekey.audit.subject.checkpoint_device import CheckpointDevice
from phasekey.training.checkpoint import load_checkpoint


@pytest.fixture(scope="module")
def device(exported):
    return BundleDevice(exported.bundle)


def sent(device, images, seed=0):
    rng = np.random.default_rng(seed)
    theta = rng.uniform(0, 2 * np.pi, len(images))
    return hide(device.encode(images), device.decoys(len(images), rng), theta), theta


def test_a_bundle_and_its_checkpoint_are_one_device(exported, device):
    other = CheckpointDevice(load_checkpoint(exported.checkpoint).network)
    (x, theta), (y, _) = sent(device, exported.images), sent(other, exported.images)
    np.testing.assert_allclose(x, y, atol=1e-4)
    answers = [d.decode(unrotate(d.process(x), theta)) for d in (device, other)]
    np.testing.assert_allclose(*answers, atol=0.02)  # float16 on the wire


def test_the_answers_are_right(exported, device):
    x, theta = sent(device, exported.images)
    labels = [
        int(device.manifest.labels[k]) for k in device.decode(unrotate(device.process(x), theta)).argmax(1)
    ]
    from phasekey.training.data.registry import load_dataset

    truth = load_dataset("digits").test.labels[:20]
    assert (np.array(labels) == truth).mean() > 0.6


def test_x_arrives_as_the_wire_leaves_it(exported, device):
    x, _ = sent(device, exported.images)
    assert device.manifest.wire.dtype == "float16"
    np.testing.assert_array_equal(device.carry(x), x.astype(np.float16).astype(np.float32))


def test_int8_leaves_whole_steps(coarse):
    device = BundleDevice(coarse.bundle)
    x, _ = sent(device, coarse.images)
    carried, scale = device.carry(x), np.float32(device.manifest.wire.x_scale)
    np.testing.assert_allclose(carried / scale, np.rint(carried / scale), atol=1e-3)
    real, imaginary = np.split(x, 2, axis=1)
    fits = np.hypot(real, imaginary) < 127 * scale
    off = np.abs(carried - x)[np.concatenate([fits, fits], axis=1)]
    assert off.max() <= 0.5001 * scale
    np.testing.assert_allclose(device.process(carried), device.process(x), atol=1e-5)


def test_the_edge_alone_cannot_process(exported, tmp_path):
    edge = tmp_path / "edge"
    shutil.copytree(exported.edge, edge)
    for given in (edge, tmp_path):
        device = BundleDevice(given)
        assert not device.processes
        with pytest.raises(AuditError, match="give build/NAME whole"):
            device.process(np.zeros((1, 12, 14, 14), np.float32))
    assert BundleDevice(exported.edge).processes


def test_another_exports_cloud_half_is_refused(exported, tmp_path):
    shutil.copytree(exported.bundle, tmp_path / "b")
    (model,) = (tmp_path / "b" / "cloud").glob("*/1/model.onnx")
    model.write_bytes(model.read_bytes() + b"\0")
    with pytest.raises(AuditError, match="another export's"):
        BundleDevice(tmp_path / "b")


def test_float32_images_are_scaled(new_export):
    small = new_export(dtype="float32")
    device = BundleDevice(small.edge)
    images = np.random.default_rng(0).integers(0, 256, (300, 6, 6, 1), np.uint8)
    np.testing.assert_allclose(device.encode(images), small.network.feature(images / 255), atol=1e-5)
    noise = np.random.default_rng(3).standard_normal((5, 5)).astype(np.float32)
    found = device.decoys(5, np.random.default_rng(3))
    np.testing.assert_allclose(found, small.network.decoy(noise), atol=1e-5)
