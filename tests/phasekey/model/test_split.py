"""A network of one's own, cut in three: weights kept, the middle equivariant, what can't be is named."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from phasekey.model import ModelError
from phasekey.model.hiding.rotation import rotate
from phasekey.model.split import split


def small_cnn() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6, 5),
    )


def test_the_middle_commutes_with_rotation_and_weights_are_kept() -> None:
    model = small_cnn()
    network = split(model, 2, 7, image=(3, 16, 16)).double().eval()
    assert network.feature_shape == (4, 8, 8)
    assert network.processed_shape == (6, 4, 4)
    a, b = torch.randn(2, 3, 4, 8, 8, dtype=torch.float64)
    theta = 2 * math.pi * torch.rand(3, dtype=torch.float64)
    with torch.no_grad():
        straight = torch.complex(*network.processing(rotate(a, b, torch.zeros(3))).chunk(2, 1))
        turned = torch.complex(*network.processing(rotate(a, b, theta)).chunk(2, 1))
    expected = straight * torch.exp(1j * theta)[:, None, None, None]
    assert float((turned - expected).abs().max()) < 1e-12
    convolutions = [module for module in network.processing.modules() if isinstance(module, nn.Conv2d)]
    assert [module.bias for module in convolutions] == [None]
    assert torch.equal(convolutions[0].weight, model[2].weight.double())


def test_encoder_and_decoder_compute_what_they_did() -> None:
    model = small_cnn().eval()
    network = split(model, 2, 7, image=(3, 16, 16), form="original").eval()
    images, feature = torch.rand(2, 3, 16, 16), torch.randn(2, 6, 4, 4)
    with torch.no_grad():
        assert torch.allclose(network.encoder(images), model[:2]((images - 0.5) * 4), atol=1e-6)
        assert torch.allclose(network.decoder(feature), model[7:](feature), atol=1e-6)
        # The original form is the user's own network whole.
        assert torch.allclose(network(images), model((images - 0.5) * 4), atol=1e-6)


def test_it_learns_with_either_head() -> None:
    for options in ({}, {"head": "bottleneck", "width": 8}):
        network = split(small_cnn(), 2, 7, image=(3, 16, 16), **options).train()
        network(torch.rand(4, 3, 16, 16)).square().sum().backward()
        assert [name for name, value in network.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.GELU(), r"layer 4, GELU.*depends on the angle; use ReLU"),
        (nn.Sequential(nn.ReLU(), nn.Sigmoid()), r"layer 4\.1, Sigmoid"),
        (nn.LayerNorm(8), r"layer 4, LayerNorm.*use batch norm"),
        (nn.Conv2d(6, 6, 3, padding=1, groups=2), r"layer 4, Conv2d.*groups is 2"),
        (nn.Conv2d(6, 6, (3, 1)), r"layer 4, Conv2d.*kernel_size is \(3, 1\)"),
        (nn.Conv2d(6, 6, 3, padding="same"), r"layer 4, Conv2d.*padding is 'same'"),
        (nn.AvgPool2d(3, 1), r"layer 4, AvgPool2d.*stride is 1"),
        (nn.BatchNorm2d(6, eps=1e-3), r"layer 4, BatchNorm2d.*eps is 0.001"),
        (nn.Upsample(scale_factor=2), r"layer 4, Upsample.*no complex form of it is known; known are Conv2d"),
    ],
)
def test_a_layer_that_cannot_be_converted_is_named(layer: nn.Module, message: str) -> None:
    model = small_cnn()
    model[4] = layer
    with pytest.raises(ModelError, match=message):
        split(model, 2, 7, image=(3, 16, 16))


@pytest.mark.parametrize(
    ("mean", "std"), [(0.0, 1.0), (0, 1 / 255), ((0.485, 0.456, 0.406), [0.229, 0.224, 0.225])]
)
def test_pretrained_weights_see_the_inputs_that_they_know(mean, std) -> None:
    model, images = small_cnn().eval(), torch.rand(2, 3, 16, 16)
    network = split(model, 2, 7, image=(3, 16, 16), form="original", pixel_mean=mean, pixel_std=std).eval()
    by_channel = [torch.tensor(np.broadcast_to(value, 3).copy())[:, None, None] for value in (mean, std)]
    with torch.no_grad():
        expected = model(((images - by_channel[0]) / by_channel[1]).float())
        torch.testing.assert_close(network(images), expected, rtol=1e-4, atol=1e-4)
    assert not [name for name in network.state_dict() if name.startswith("encoder.0")]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixel_std": 0.0}, "pixel_std must be above zero"),
        ({"pixel_mean": (0.5, 0.5)}, "one for each of 3 channels"),
        ({"pixel_mean": "imagenet"}, "pixel_mean takes one finite number"),
        (
            {"image": (16, 16, 3)},
            r"layer 0.0, Conv2d, takes 3 channels, but image \(16, 16, 3\) has 16: .*\(channels, height",
        ),
        ({"image": (16, 16)}, r"image is \(channels, height, width\)"),
        ({"image": 16}, r"image is \(channels, height, width\)"),
        ({"encoder_end": 2.0}, "split points must lie in order"),
        ({"heads": 2}, "split has no option 'heads'; it takes components, decoy, form"),
        ({"classes": 2}, "split has no option 'classes'"),
        ({"model": nn.Conv2d(3, 4, 3)}, "takes an nn.Sequential.*got a Conv2d"),
        ({"model": nn.Sequential(*[nn.Identity()] * 9)}, "must end in nn.Linear"),
    ],
)
def test_arguments_that_cannot_be_are_named(changes, message) -> None:
    arguments = {"model": small_cnn(), "encoder_end": 2, "decoder_start": 7, "image": (3, 16, 16), **changes}
    with pytest.raises(ModelError, match=message):
        split(**arguments)


def test_a_layer_that_does_not_fit_the_image_is_named() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 144, 3)
    )
    split(model, 2, 4, image=(1, 16, 16))
    with pytest.raises(ModelError, match=r"layer 5, Linear, has a weight of \(3, 576\).*needs \(3, 1024\)"):
        split(model, 2, 4, image=(1, 20, 20))


def test_a_model_without_logits_and_wrong_split_points_are_refused() -> None:
    with pytest.raises(ModelError, match=r"must end in nn\.Linear.*Softmax"):
        split(nn.Sequential(*small_cnn(), nn.Softmax(1)), 2, 7, image=(3, 16, 16))
    for points in ((0, 7), (5, 5), (2, 10)):
        with pytest.raises(ModelError, match="split points must lie in order"):
            split(small_cnn(), *points, image=(3, 16, 16))
