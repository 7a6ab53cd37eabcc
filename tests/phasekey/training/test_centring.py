import copy
from dataclasses import replace

import numpy as np
import torch

from phasekey.model import build_network
from phasekey.training.centring import centre_features
from phasekey.training.checkpoint import load_checkpoint
from phasekey.training.evaluate import to_float
from phasekey.training.loop import train

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


def test_another_head_is_left_alone(few_digits):
    network = build_network("lenet", classes=10, image=(1, 32, 32))
    before = copy.deepcopy(network.state_dict())
    centre_features(network, few_digits.train.images, CPU)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
