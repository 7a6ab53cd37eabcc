import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from phasekey.model import build_network
from phasekey.model.heads import Bottleneck
from phasekey.training.centring import centre_features
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.evaluate import to_float
from phasekey.training.loop.train import train

CPU = torch.device("cpu")


def features(network, images):
    with torch.no_grad():
        return network.eval().encoder(to_float(torch.from_numpy(images))).numpy()


def require_standard(values):
    np.testing.assert_allclose(values.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(values.var(0), 1, atol=1e-3)


def test_a_bottleneck_is_centred_on_the_images_themselves(few_digits):
    torch.manual_seed(0)
    network = build_network("lenet", classes=10, image=(1, 32, 32), head="bottleneck", width=8)
    images = few_digits.train.images
    assert np.abs(features(network, images).mean(0)).max() > 0.1
    centre_features(network.train(), images, CPU)
    assert network.training
    require_standard(features(network, images))


def test_training_ends_centred_on_images_without_augmentation(few_digits, one_epoch):
    """The shifts of augmentation would leave a common part in every feature that a device sends."""
    network = load_checkpoint(train(replace(one_epoch, head="bottleneck", width=8), few_digits)).network
    require_standard(features(network, few_digits.train.images))


@pytest.mark.parametrize("form", ["complex", "additional"])
def test_a_feature_that_gaussians_hide_is_whitened_and_the_processing_module_undoes_it(few_digits, form):
    torch.manual_seed(0)
    network = build_network(
        "lenet", classes=10, image=(1, 32, 32), form=form, head="deep-bottleneck", width=8, decoy="gaussian"
    )
    images = few_digits.train.images
    centred = features(network, images)
    centred = (centred - centred.mean(0)) / centred.std(0)
    assert np.abs(np.cov(centred.T) - np.eye(8)).max() > 0.1
    network.encoder[-1].centre(torch.from_numpy(features(network, images)))
    before = processed(network, images)
    centre_features(network, images, CPU)
    np.testing.assert_allclose(np.cov(features(network, images).T, bias=True), np.eye(8), atol=1e-3)
    np.testing.assert_allclose(processed(network, images), before, rtol=1e-3, atol=1e-3)


def processed(network, images):
    """What the processing module makes of the feature, with itself as decoy where there is one."""
    feature = torch.from_numpy(features(network, images))
    with torch.no_grad():
        both = torch.cat([feature, feature], dim=1) if network.form == "complex" else feature
        return network.processing(both).numpy()


def test_a_value_that_never_varies_does_not_blow_up():
    head = Bottleneck((4,), 3).eval()
    with torch.no_grad():
        head.linear.weight[0] = 0
        head.whiten(head(torch.randn(50, 4)))
        assert torch.isfinite(head.linear.weight).all()
        assert torch.isfinite(head(torch.randn(5, 4))).all()


def test_another_head_is_left_alone(few_digits):
    network = build_network("lenet", classes=10, image=(1, 32, 32))
    before = copy.deepcopy(network.state_dict())
    centre_features(network, few_digits.train.images, CPU)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
