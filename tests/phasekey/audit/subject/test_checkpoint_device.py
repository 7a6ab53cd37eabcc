import numpy as np
import pytest
import torch

from phasekey.audit.numerics.rotation import hide, unrotate
from phasekey.audit.subject.checkpoint_device import CheckpointDevice
from phasekey.model import build_network
from phasekey.model.hiding.secrets import rotations
from phasekey.training.checkpoint import load_checkpoint


@pytest.fixture(scope="module")
def network(exported):
    return load_checkpoint(exported.checkpoint).network


def pixels(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2) / 255


def untrained(form, gamma=0.0):
    torch.manual_seed(0)
    return build_network("lenet", classes=10, image=(1, 32, 32), form=form, gamma=gamma).eval()


def test_features_are_the_encoders_and_in_the_order_of_the_images(exported, network):
    images = np.repeat(exported.images, 14, axis=0)  # more than one batch
    found = CheckpointDevice(network).encode(images)
    with torch.no_grad():
        expected = network.encoder(pixels(images)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_whole_transmission_gives_the_networks_own_answer(exported, network):
    device, rng = CheckpointDevice(network), np.random.default_rng(1)
    feature, decoy = device.encode(exported.images), device.decoys(20, rng)
    theta = rng.uniform(0, 2 * np.pi, 20)
    found = device.decode(unrotate(device.process(hide(feature, decoy, theta)), theta))
    with torch.no_grad():
        logits = network(
            pixels(exported.images), rotations(torch.from_numpy(theta)), torch.from_numpy(decoy[:, None])
        )
    np.testing.assert_allclose(found, logits.softmax(-1).numpy(), atol=1e-4)


def test_decoys_are_features_of_fresh_synthetic_images(network):
    found = CheckpointDevice(network).decoys(300, np.random.default_rng(5))
    noise = np.random.default_rng(5).standard_normal((300, network.noise_size)).astype(np.float32)
    with torch.no_grad():
        expected = network.encoder(network.sampler(torch.from_numpy(noise))).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(np.unique(found.reshape(300, -1)[:, 0])) == 300


@pytest.mark.parametrize("form", ["original", "additional"])
def test_forms_without_rotation_send_the_feature(form):
    device = CheckpointDevice(untrained(form))
    feature = device.encode(np.zeros((3, 32, 32, 1), np.uint8))
    assert not device.rotated
    np.testing.assert_array_equal(device.send(feature, np.random.default_rng(0)), feature)


def test_the_noisy_form_sends_fresh_noise_of_the_features_magnitude():
    device, rng = CheckpointDevice(untrained("noisy", gamma=0.5)), np.random.default_rng(0)
    feature = device.encode(np.random.default_rng(2).integers(0, 256, (40, 32, 32, 1), np.uint8))
    noise = device.send(feature, rng) - feature
    assert np.abs(noise).mean() == pytest.approx(0.5 * np.abs(feature).mean(), rel=1e-3)
    assert np.abs(noise - (device.send(feature, rng) - feature)).mean() > 0.1 * np.abs(noise).mean()
    assert device.decode(device.process(feature)).sum(1) == pytest.approx(np.ones(40), abs=1e-5)


def test_drawing_leaves_torchs_random_state_alone(network):
    device = CheckpointDevice(untrained("noisy", gamma=1.0))
    before = torch.random.get_rng_state()
    device.send(np.ones((2, 6, 14, 14), np.float32), np.random.default_rng(0))
    assert torch.equal(torch.random.get_rng_state(), before)
