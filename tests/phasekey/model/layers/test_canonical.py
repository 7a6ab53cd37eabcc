"""The canonical form: equivariant whatever its frame finds, and the plain network where it finds the rows."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from phasekey.model import ModelError, build_network
from phasekey.model.counting import count_work
from phasekey.model.hiding.secrets import draw_secret, hide, reveal
from phasekey.model.layers.canonical import Frame, polar
from phasekey.model.split import split
from phasekey.training.evaluate import plain_logits

CANONICAL = {"form": "canonical", "secret": "orthogonal", "decoy": "archive"}


def network(components, arch="lenet", **settings):
    torch.manual_seed(0)
    return build_network(
        arch, classes=10, image=(1, 32, 32), components=components, **{**CANONICAL, **settings}
    ).eval()


def images(count):
    """Real handwritten digits, (N, 1, 32, 32) in [0, 1]."""
    digits = torch.from_numpy(load_digits().images[:count, None]).float() / 16
    return torch.nn.functional.interpolate(digits, size=32, mode="bilinear")


def rows_of(made, count, components):
    """M, (N, k, C, H, W): features of digits, and those of others after them as decoys."""
    with torch.no_grad():
        features = made.encoder(images(count).to(next(made.parameters()).dtype))
    return torch.stack([features.roll(-shift, 0) for shift in range(components)], 1)


@pytest.mark.parametrize("components", [2, 4, 8])
def test_it_commutes_with_every_orthogonal_matrix(components):
    made = network(components).double()
    rows = rows_of(made, 12, components)
    secret = draw_secret("orthogonal", 12, components)
    assert {-1.0, 1.0} == set(torch.linalg.det(secret).round().tolist())  # reflections too
    with torch.no_grad():
        straight = made.processing(rows.flatten(1, 2)).reshape(12, components, -1)
        turned = made.processing(hide(rows, secret)).reshape(12, components, -1)
    assert (turned - secret @ straight).abs().max() < 1e-9 * straight.abs().max()


def test_noise_that_no_frame_can_take_apart_commutes_too():
    made = network(3).double()
    rows, secret = torch.randn(5, 3, 6, 14, 14, dtype=torch.float64), draw_secret("orthogonal", 5, 3)
    with torch.no_grad():
        straight = made.processing(rows.flatten(1, 2)).reshape(5, 3, -1)
        turned = made.processing(hide(rows, secret)).reshape(5, 3, -1)
    assert (turned - secret @ straight).abs().max() < 1e-6 * straight.abs().max()


@pytest.mark.parametrize("components", [2, 4, 8])
def test_answers_are_those_of_the_plain_network(components):
    made = network(components)
    torch.manual_seed(1)
    # Maps as photographs give them behind a ReLU: patches, zero in between.
    smooth = torch.nn.functional.avg_pool2d(torch.randn(60 * components, 6, 16, 16), 3, 1)
    rows = smooth.relu().reshape(60, components, 6, 14, 14)
    secret = draw_secret("orthogonal", 60, components)
    with torch.no_grad():
        found = reveal(made.processing(hide(rows, secret)), secret)
        expected = made.processing.layers(rows[:, 0])
    error = (found - expected).norm(dim=1) / expected.norm(dim=1)
    assert error.median() < 0.01
    assert (error > 0.1).float().mean() <= 0.05


def test_it_is_trained_as_the_plain_network_that_it_holds():
    made = network(2).train()
    plain = build_network("lenet", classes=10, image=(1, 32, 32), form="original").train()
    held = {name.replace("processing.layers.", "processing."): v for name, v in made.state_dict().items()}
    plain.load_state_dict(held)
    torch.testing.assert_close(made(images(4)), plain(images(4)))
    torch.testing.assert_close(
        plain_logits(made.eval(), images(4)), plain.eval()(images(4)), rtol=1e-3, atol=1e-3
    )


def test_nothing_at_all_gives_numbers():
    made = network(2)
    with torch.no_grad():
        assert made.processing(torch.zeros(2, 12, 14, 14)).isfinite().all()


def test_the_frame_is_a_function_of_one_sample():
    frame, rows = Frame((6, 14, 14), 4), torch.rand(3, 4, 6, 14, 14)
    torch.testing.assert_close(frame(rows)[:1], frame(rows[:1]), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("components", [2, 4, 8])
def test_polar_factors_are_those_of_the_singular_value_decomposition(components):
    matrix = torch.randn(20, components, components, dtype=torch.float64)
    left, values, right = torch.linalg.svd(matrix)
    scaled = matrix / values[:, :1, None]
    well = values[:, -1] / values[:, 0] > 0.01
    found = polar(scaled, 6, 3)[well]
    np.testing.assert_allclose(found, (left @ right)[well], atol=1e-4)


def test_two_rows_alone_are_a_rotation_in_each_step():
    found = Frame((6, 14, 14), 2)(torch.rand(9, 2, 6, 14, 14).double().float())
    torch.testing.assert_close(found.mT @ found, torch.eye(2).expand(9, 2, 2), rtol=0, atol=1e-4)


def test_large_maps_are_looked_at_here_and_there():
    assert Frame((64, 112, 112), 2).start.shape[0] <= 2048


@pytest.mark.parametrize("settings", [{"secret": "rotation"}, {"decoy": "another-input"}])
def test_it_takes_the_orthogonal_secret_and_an_archive_alone(settings):
    with pytest.raises(ModelError, match="could be inputs"):
        network(2, **settings)


def test_the_frame_counts_as_work_but_not_as_the_plain_networks():
    with torch.device("meta"):
        work = count_work(network(4))
        plain = count_work(build_network("lenet", classes=10, image=(1, 32, 32), form="original"))
    assert work.processing == work.frame + 4 * plain.processing
    assert work.whole == plain.whole
    assert work.drawn == 0


def test_features_have_to_end_in_a_relu():
    layers = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.Conv2d(4, 4, 3),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(3136, 3),
    )
    with pytest.raises(ModelError, match="end in a ReLU"):
        split(layers, 1, 4, image=(1, 32, 32), **CANONICAL)
    flat = nn.Sequential(
        torch.nn.Flatten(),
        torch.nn.Linear(1024, 9),
        torch.nn.ReLU(),
        torch.nn.Linear(9, 9),
        torch.nn.Linear(9, 3),
    )
    with pytest.raises(ModelError, match="before Flatten"):
        split(flat, 3, 4, image=(1, 32, 32), **CANONICAL)


def test_a_network_of_ones_own_keeps_its_weights_and_answers():
    torch.manual_seed(0)
    own = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AvgPool2d(28),
        nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip
    own(images(50))  # statistics of batch norm
    made = split(
        own, 2, 7, image=(1, 32, 32), pixel_mean=0.0, pixel_std=1.0, components=3, **CANONICAL
    ).eval()
    with torch.no_grad():
        expected, found = own.eval()(images(40)), plain_logits(made, images(40))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
