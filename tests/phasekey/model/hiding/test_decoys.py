"""Decoys have the law they claim: never the sample itself, and the feature's own moments."""

import numpy as np
import pytest
import torch
from scipy import stats

from phasekey.model import ModelError, build_network
from phasekey.model.hiding.decoys import DECOY_LAWS, another_input, draw_decoys, gaussian, mixture


def skewed_features(count=20000):
    """(N, 2) with unequal means and variances and a covariance, far from Gaussian."""
    drawn = np.random.default_rng(0).exponential(size=(count, 2))
    return torch.from_numpy(drawn @ np.array([[2.0, 1.0], [0.0, 0.5]]) + [1.0, -3.0])


def test_another_input_is_never_the_sample_itself():
    feature = torch.arange(5.0).reshape(5, 1)
    for _ in range(30):
        decoy = another_input(feature)[:, 0]
        assert not (decoy == feature).any()
        assert sorted(decoy.flatten().tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("count", [2, 4])
def test_several_decoys_are_of_different_other_samples(count):
    feature = torch.arange(5.0).reshape(5, 1)
    seen = set()
    for _ in range(40):
        rows = torch.cat([feature[:, None], another_input(feature, count)], dim=1)[..., 0]
        assert all(len(set(row)) == count + 1 for row in rows.tolist())
        seen.add(tuple(rows[0].tolist()))
    assert len(seen) > 10


@pytest.mark.parametrize("law", ["mixture", "gaussian"])
def test_decoys_of_one_sample_are_drawn_apart(law):
    """Mixtures share a source at one draw in a dozen, so the median is looked at."""
    torch.manual_seed(0)
    likeness = []
    for _ in range(40):
        first, second = draw_decoys(law, torch.randn(50, 8), 2).unbind(1)
        assert float((first - second).abs().min(dim=1).values.median()) > 0.01
        likeness.append(float(torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1]))
    assert abs(float(np.median(likeness))) < 0.1


def test_sigma_widens_gaussian_decoys_about_the_mean():
    torch.manual_seed(0)
    decoy = draw_decoys("gaussian", skewed_features(), 1, sigma=3.0)[:, 0]
    np.testing.assert_allclose(decoy.mean(0), skewed_features().mean(0), atol=0.12)
    np.testing.assert_allclose(decoy.std(0), 3 * skewed_features().std(0), rtol=0.03)


def test_a_norm_bottleneck_trains_with_the_decoys_that_its_devices_draw():
    torch.manual_seed(0)
    network = build_network(
        "lenet", classes=3, image=(1, 32, 32), head="norm-bottleneck", width=6, decoy="gaussian",
        secret="orthogonal", components=9, sigma=2.0,
    )  # fmt: skip
    rows = network.among_decoys(network.encoder(torch.rand(500, 1, 32, 32)))
    assert rows.shape == (500, 9, 6)
    decoys = rows[:, 1:].detach().flatten().numpy()
    assert stats.kstest(decoys, stats.norm(scale=2.0).cdf).pvalue > 1e-3
    assert (network.decoy_source, network.noise_size) == ("gaussian-features", 6)


def test_an_archive_needs_no_noise():
    for options in ({"decoy": "archive"}, {"form": "original", "secret": "permutation"}):
        network = build_network("lenet", classes=3, image=(1, 32, 32), **options)
        assert (network.decoy_source, network.noise_size) == ("archive", 0)


def test_a_mixture_is_of_two_others():
    """One-hot features tell which samples are inside."""
    for _ in range(30):
        mean = 1 / 6
        inside = (mixture(torch.eye(6, dtype=torch.float64))[:, 0] - mean).numpy()
        # what remains of sample i after taking off the constant that all absent samples have in common
        weights = inside - np.median(inside, axis=1, keepdims=True)
        assert np.allclose(np.diag(weights), 0)
        np.testing.assert_allclose((weights**2).sum(1), 1, atol=1e-9)
        assert ((np.abs(weights) > 1e-9).sum(1) <= 2).all()


@pytest.mark.parametrize("law", DECOY_LAWS)
def test_decoys_have_the_features_mean_and_variance(law):
    torch.manual_seed(0)
    feature = skewed_features()
    decoy = draw_decoys(law, feature)[:, 0]
    np.testing.assert_allclose(decoy.mean(0), feature.mean(0), atol=0.06)
    np.testing.assert_allclose(decoy.std(0), feature.std(0), rtol=0.03)


@pytest.mark.parametrize("law", ["another-input", "mixture"])
def test_decoys_made_of_features_have_their_covariance_too(law):
    torch.manual_seed(0)
    feature = skewed_features()
    found, expected = np.cov(draw_decoys(law, feature)[:, 0].T)[0, 1], np.cov(feature.T)[0, 1]
    assert found == pytest.approx(expected, rel=0.05)


def test_gaussian_decoys_carry_no_gradient_to_the_encoder():
    assert not gaussian(torch.rand(4, 3, requires_grad=True)).requires_grad


@pytest.mark.parametrize(("law", "least"), [("another-input", 2), ("mixture", 3), ("gaussian", 2)])
def test_a_batch_too_small_for_the_law_is_an_error(law, least):
    draw_decoys(law, torch.rand(least, 4))
    with pytest.raises(ModelError, match=f"at least {least}; got {least - 1}"):
        draw_decoys(law, torch.rand(least - 1, 4))


def test_more_decoys_take_a_larger_batch():
    with pytest.raises(ModelError, match="7 other samples, so a batch of at least 8; got 7"):
        draw_decoys("another-input", torch.rand(7, 4), 7)


@pytest.mark.parametrize("law", DECOY_LAWS)
def test_maps_keep_their_shape_and_type(law):
    decoy = draw_decoys(law, torch.rand(4, 3, 5, 5, dtype=torch.float32))
    assert decoy.shape == (4, 1, 3, 5, 5)
    assert decoy.dtype == torch.float32


def test_a_network_draws_by_its_own_law():
    torch.manual_seed(0)
    network = build_network("lenet", classes=3, image=(1, 32, 32), decoy="gaussian").eval()
    feature, decoy = network.among_decoys(network.encoder(torch.rand(6, 1, 32, 32))).unbind(1)
    assert not any(torch.allclose(decoy[i], feature[j]) for i in range(6) for j in range(6))
    network = build_network("lenet", classes=3, image=(1, 32, 32)).eval()
    feature, decoy = network.among_decoys(network.encoder(torch.rand(6, 1, 32, 32))).unbind(1)
    assert all(any(torch.allclose(decoy[i], feature[j]) for j in range(6)) for i in range(6))


def test_only_a_bottleneck_trained_with_gaussian_decoys_ships_them():
    options = {"classes": 3, "image": (1, 32, 32)}
    for head in ("bottleneck", "deep-bottleneck", "norm-bottleneck"):
        network = build_network("lenet", head=head, width=12, decoy="gaussian", **options)
        assert (network.decoy_source, network.noise_size) == ("gaussian-features", 12)
    for other in ({"decoy": "gaussian"}, {"head": "bottleneck"}, {}):
        network = build_network("lenet", **options, **other)
        assert (network.decoy_source, network.noise_size) == ("gaussian-images", 64)
