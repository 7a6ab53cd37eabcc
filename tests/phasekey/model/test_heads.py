"""The heads: shapes, statistics, and a processing module opening with a vector that stays equivariant."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from phasekey.model import ModelError, build_network
from phasekey.model.heads import Bottleneck, DeepBottleneck, Generator, NormBottleneck
from phasekey.model.hiding.rotation import rotate


def bottleneck_network(arch="lenet", width=24, **options):
    torch.manual_seed(0)
    options = {"classes": 5, "image": (3, 32, 32), **options}
    return build_network(arch, **{"head": "bottleneck", **options}, width=width)


def test_the_papers_head_is_appendix_b():
    """Four convolutions, of which the inner two are in a block with a skip; same size out as in."""
    head = Generator(6)
    kinds = [type(module) for module in head.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert kinds == [nn.Conv2d] * 4
    assert head(torch.rand(2, 6, 9, 9)).shape == (2, 6, 9, 9)


def test_a_bottleneck_feature_is_centred_and_of_variance_one():
    torch.manual_seed(0)
    feature = Bottleneck((6, 5, 5), 8)(3 + 2 * torch.rand(200, 6, 5, 5)).detach()
    assert feature.shape == (200, 8)
    np.testing.assert_allclose(feature.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(feature.var(0, unbiased=False), 1, atol=1e-2)


def test_a_bottleneck_has_nothing_that_shifts_or_scales_its_end():
    head = Bottleneck((6, 5, 5), 8)
    assert [name for name, _ in head.named_parameters()] == ["linear.weight"]


@pytest.mark.parametrize("shape", [(6, 14, 14), (3, 33, 17), (16, 4, 4), (50,)])
def test_a_deep_bottleneck_feature_is_centred_and_of_variance_one(shape):
    torch.manual_seed(0)
    head = DeepBottleneck(shape, 8)
    feature = head(3 + 2 * torch.rand(200, *shape)).detach()
    assert feature.shape == (200, 8)
    np.testing.assert_allclose(feature.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(feature.var(0, unbiased=False), 1, atol=1e-2)


def test_a_deep_bottleneck_does_not_grow_with_the_map():
    """A linear layer from 16 × 128 × 128 to 16 values would have four million weights."""
    sizes = [
        sum(p.numel() for p in DeepBottleneck((16, side, side), 16).parameters()) for side in (8, 32, 128)
    ]
    assert max(sizes) < 600_000


def test_a_norm_bottleneck_gives_every_feature_one_length():
    torch.manual_seed(0)
    head = NormBottleneck((6, 14, 14), 12)
    for training in (True, False):
        feature = head.train(training)(3 + 2 * torch.rand(50, 6, 14, 14)).detach().double()
        np.testing.assert_allclose(feature.square().sum(1), 12, rtol=1e-6)
    assert [name for name, _ in head.named_parameters() if "norm" in name] == []


@pytest.mark.parametrize("size", [0.0, 1e-20, 1e-13])
def test_a_vector_without_a_direction_is_never_longer_and_zero_stays_zero(size):
    head = NormBottleneck((4,), 3).eval()
    head.deep = torch.nn.Identity()
    vector = torch.full((1, 3), size, requires_grad=True)
    feature = head(vector)
    feature.sum().backward()
    feature = feature.detach()
    assert torch.isfinite(feature).all()
    assert torch.isfinite(vector.grad).all()
    assert float(feature.square().sum()) <= 3 * (1 + 1e-6)
    assert size > 0 or float(feature.abs().sum()) == 0


@pytest.mark.parametrize("head", ["bottleneck", "deep-bottleneck", "norm-bottleneck"])
@pytest.mark.parametrize(("arch", "variant"), [("lenet", None), ("resnet20", "alpha"), ("resnet20", "beta")])
@pytest.mark.parametrize("form", ["complex", "additional"])
def test_a_bottleneck_network_trains_a_step(arch, variant, form, head):
    network = bottleneck_network(arch, variant=variant, form=form, head=head)
    assert network.feature_shape == (24,)
    logits = network.train()(torch.rand(4, 3, 32, 32))
    assert logits.shape == (4, 5)
    logits.square().sum().backward()
    assert [name for name, value in network.named_parameters() if value.grad is None] == []


@pytest.mark.parametrize(("arch", "variant"), [("lenet", None), ("resnet20", "alpha"), ("resnet20", "beta")])
def test_a_processing_module_that_opens_with_a_vector_commutes_with_rotation(arch, variant):
    network = bottleneck_network(arch, variant=variant).double().eval()
    a, b = torch.randn(2, 3, 24, dtype=torch.float64)
    theta = 2 * math.pi * torch.rand(3, dtype=torch.float64)
    with torch.no_grad():
        straight = as_complex(network.processing(torch.cat([a, b], dim=1)).numpy())
        turned = as_complex(network.processing(rotate(a, b, theta)).numpy())
    expected = straight * np.exp(1j * theta.numpy()).reshape(-1, *[1] * (straight.ndim - 1))
    assert np.linalg.norm(turned - expected) / np.linalg.norm(expected) < 1e-12
    assert np.linalg.norm(turned - straight) > 0.1 * np.linalg.norm(expected)


def as_complex(pair):
    channels = pair.shape[1] // 2
    return pair[:, :channels] + 1j * pair[:, channels:]


def test_the_processing_module_opens_with_a_bias_free_layer_and_delta():
    opening = bottleneck_network().processing.layers[:3]
    assert opening[0].bias is None
    assert opening[0].weight.shape == (6 * 14 * 14, 24)
    assert "PhaseReLU" in type(opening[2]).__name__


def test_the_baselines_without_a_head_ignore_it():
    """So that one recipe can run all forms."""
    for form in ("original", "noisy"):
        assert bottleneck_network(form=form).feature_shape == (6, 14, 14)


def test_a_bottleneck_without_a_width_is_128_wide_and_others_12():
    assert bottleneck_network(width=None).feature_shape == (128,)
    for head in ("deep-bottleneck", "norm-bottleneck"):
        assert bottleneck_network(width=None, head=head).feature_shape == (12,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": "neck"}, "unknown head 'neck'; choose one of paper, light, bottleneck"),
        ({"width": 16}, "head paper got width 16"),
        ({"head": "bottleneck", "width": 0}, "got width 0"),
        ({"decoy": "pool"}, "unknown decoy 'pool'"),
    ],
)
def test_what_cannot_be_built_is_named(options, message):
    with pytest.raises(ModelError, match=message):
        build_network("lenet", classes=10, image=(3, 32, 32), **options)
