"""All networks in all forms: the shapes of section 5.1, a training step, equivariance of the whole."""

import math

import numpy as np
import pytest
import torch

from phasekey.model import FORMS, ModelError, build_network
from phasekey.model.hiding.rotation import rotate, unrotate
from phasekey.model.hiding.secrets import SECRETS, draw_secret, hide, rotations
from phasekey.model.layers.equivariant import NormBatchNorm
from phasekey.model.network import noise_like
from phasekey.model.table import networks

# name, variant, image, feature, processed feature: from section 5.1, Figure 1b and the originals
SMALL = [
    ("lenet", None, (6, 14, 14), (84,)),
    *[(f"resnet{n}", v, (16, 32, 32), (64, 8, 8)) for n in (20, 32, 44, 56, 110) for v in ("alpha", "beta")],
]
LARGE = [("vgg16", None, (256, 56, 56), (512, 7, 7)), ("alexnet", None, (384, 13, 13), (256, 6, 6))]


@pytest.mark.parametrize(("arch", "variant", "feature", "processed"), SMALL)
@pytest.mark.parametrize("form", FORMS)
def test_small_networks_split_where_the_paper_says(
    arch: str, variant: str | None, feature: tuple[int, ...], processed: tuple[int, ...], form: str
) -> None:
    canonical = {"secret": "orthogonal", "decoy": "archive"} if form == "canonical" else {}
    network = build_network(
        arch, classes=7, image=(3, 32, 32), variant=variant, form=form, gamma=0.5, **canonical
    )
    assert network.feature_shape == feature
    assert network.processed_shape == processed
    logits = network.train()(torch.rand(2, 3, 32, 32))
    assert logits.shape == (2, 7)
    logits.square().sum().backward()
    missing = [name for name, value in network.named_parameters() if value.grad is None]
    assert missing == []


@pytest.mark.parametrize(("arch", "variant", "feature", "processed"), LARGE)
def test_large_networks_split_where_the_paper_says(
    arch: str, variant: None, feature: tuple[int, ...], processed: tuple[int, ...]
) -> None:
    with torch.device("meta"):  # shapes without the work
        network = build_network(arch, classes=7, image=(3, 224, 224))
    assert network.feature_shape == feature
    assert network.processed_shape == processed


EARLY = [("lenet", (6, 14, 14), (84,)), ("resnet8", (16, 32, 32), (64,)), ("resnet20", (16, 32, 32), (64,))]


@pytest.mark.parametrize(("arch", "feature", "processed"), EARLY)
@pytest.mark.parametrize("components", [2, 4])
def test_early_splits_leave_all_but_the_last_layer_to_the_cloud(
    arch: str, feature: tuple[int, ...], processed: tuple[int, ...], components: int
) -> None:
    network = build_network(
        arch, classes=7, image=(3, 32, 32), split="early", head="light", secret="orthogonal",
        components=components,
    )  # fmt: skip
    assert (network.feature_shape, network.processed_shape) == (feature, processed)
    assert [type(layer).__name__ for layer in network.decoder] == ["Linear"]
    network = network.double().eval()
    rows = torch.randn(3, components, *feature, dtype=torch.float64)
    secret = torch.from_numpy(np.stack([np.linalg.qr(m)[0] for m in np.random.default_rng(0).normal(
        size=(3, components, components))]))  # fmt: skip
    with torch.no_grad():
        straight = network.processing(rows.flatten(1, 2)).reshape(3, components, -1)
        turned = network.processing(torch.einsum("nij,nj...->ni...", secret, rows).flatten(1, 2))
    expected = torch.einsum("nij,njd->nid", secret, straight)
    np.testing.assert_allclose(turned.reshape(expected.shape).numpy(), expected.numpy(), rtol=1e-9, atol=1e-9)


def test_an_early_split_has_no_variant() -> None:
    with pytest.raises(ModelError, match="early split has none"):
        build_network("resnet20", classes=7, image=(3, 32, 32), variant="alpha", split="early")


@pytest.mark.parametrize(("arch", "variant"), [(a, v) for a, v, *_ in SMALL])
def test_processing_modules_commute_with_rotation(arch: str, variant: str | None) -> None:
    torch.manual_seed(0)
    network = build_network(arch, classes=3, image=(3, 32, 32), variant=variant).double().eval()
    a, b = torch.randn(2, 3, *network.feature_shape, dtype=torch.float64)
    theta = 2 * math.pi * torch.rand(3, dtype=torch.float64)
    with torch.no_grad():
        straight = network.processing(torch.cat([a, b], dim=1)).numpy()
        turned = network.processing(rotate(a, b, theta)).numpy()
    expected = as_complex(straight) * np.exp(1j * theta.numpy()).reshape(-1, *[1] * (straight.ndim - 1))
    error = np.linalg.norm(as_complex(turned) - expected) / np.linalg.norm(expected)
    assert error < 1e-12
    assert np.linalg.norm(as_complex(turned) - as_complex(straight)) > 0.1 * np.linalg.norm(expected)


@pytest.mark.parametrize("k", [2, 4, 8])
@pytest.mark.parametrize(("arch", "variant"), list(networks()))
def test_processing_modules_commute_with_orthogonal_secrets(arch: str, variant: str | None, k: int) -> None:
    """Φ(QM) = QΦ(M) for all 13 networks, on small images, with reflections among the Q."""
    torch.manual_seed(0)
    # The smallest that the layers fit, in float64; BatchNorm's statistics are those of a trained network.
    side = {"vgg16": 32, "alexnet": 64, "lenet": 32}.get(arch, 16)
    network = build_network(
        arch, classes=3, image=(3, side, side), variant=variant, secret="orthogonal", components=k
    ).double()
    for module in network.modules():
        if isinstance(module, NormBatchNorm):
            module.running_squared_norm.uniform_(0.5, 2)
    processing = network.eval().processing
    rows = torch.randn(2, k, *network.feature_shape, dtype=torch.float64)
    secret = draw_secret("orthogonal", 2, k)
    secret[0, 0] *= torch.linalg.det(secret[0]).sign()
    secret[1, 0] *= -torch.linalg.det(secret[1]).sign()
    with torch.no_grad():
        straight = processing(rows.flatten(1, 2)).unflatten(1, (k, -1)).numpy()
        mixed = processing(hide(rows, secret)).unflatten(1, (k, -1)).numpy()
    expected = np.einsum("njk,nk...->nj...", secret.numpy(), straight)
    assert np.linalg.norm(mixed - expected) / np.linalg.norm(expected) < 1e-11
    assert np.linalg.norm(mixed - straight) > 0.1 * np.linalg.norm(expected)


def as_complex(pair: np.ndarray) -> np.ndarray:
    channels = pair.shape[1] // 2
    return pair[:, :channels] + 1j * pair[:, channels:]


def test_rotation_is_equations_2_and_3() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 4, 3, 2, 2))
    theta = rng.uniform(0, 2 * np.pi, 4)
    x = rotate(torch.from_numpy(a), torch.from_numpy(b), torch.from_numpy(theta))
    expected = np.exp(1j * theta)[:, None, None, None] * (a + 1j * b)
    np.testing.assert_allclose(as_complex(x.numpy()), expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(unrotate(x, torch.from_numpy(theta)).numpy(), a, rtol=1e-12, atol=1e-13)


def test_the_prediction_does_not_depend_on_the_angle_but_on_undoing_it() -> None:
    torch.manual_seed(0)
    network = build_network("lenet", classes=10, image=(1, 32, 32)).eval()
    images = torch.rand(4, 1, 32, 32)
    with torch.no_grad():
        decoy = network.encoder(torch.rand(4, 1, 32, 32))
        first = network(images, rotations(torch.zeros(4)), decoy[:, None])
        second = network(images, rotations(torch.rand(4) * 6), decoy[:, None])
        h = network.processing(rotate(network.encoder(images), decoy, torch.zeros(4)))
        wrong = network.decoder(unrotate(h, torch.full((4,), 2.0)))
    assert torch.allclose(first, second, atol=1e-4)
    assert not torch.allclose(first, wrong, atol=1e-2)


@pytest.mark.parametrize(
    ("options", "k"),
    [
        ({"secret": "orthogonal"}, 2),
        ({"secret": "orthogonal"}, 4),
        ({"secret": "permutation", "form": "original"}, 4),
        ({"secret": "permutation", "form": "additional"}, 3),
    ],
)
def test_the_prediction_does_not_depend_on_the_secret(options: dict[str, str], k: int) -> None:
    torch.manual_seed(0)
    network = build_network("lenet", classes=10, image=(1, 32, 32), components=k, **options).double().eval()
    with torch.no_grad():
        feature = network.encoder(torch.rand(4, 1, 32, 32, dtype=torch.float64))
        rows = network.among_decoys(feature, torch.randn(4, k - 1, *feature.shape[1:], dtype=torch.float64))
        first, second = network.answer(rows), network.answer(rows)
        swapped = network.answer(rows.roll(1, dims=1))
    torch.testing.assert_close(first, second, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(first, swapped, atol=1e-2)
    if network.secret == "permutation":
        plain = network.decoder(network.processing(feature))
        torch.testing.assert_close(first, plain, rtol=1e-12, atol=1e-12)


def test_a_plain_network_is_trained_as_if_there_was_no_permutation() -> None:
    def logits(**options: object) -> torch.Tensor:
        torch.manual_seed(0)
        network = build_network("lenet", classes=4, image=(1, 32, 32), form="original", **options)
        return network.train()(torch.ones(3, 1, 32, 32))

    torch.testing.assert_close(logits(secret="permutation", components=4), logits(), rtol=0, atol=0)


def test_noise_has_the_average_magnitude_of_the_feature() -> None:
    torch.manual_seed(0)
    feature = 3.7 * torch.randn(8, 6, 14, 14)
    assert float(noise_like(feature).abs().mean()) == pytest.approx(float(feature.abs().mean()), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.2, 1.0, 2.0])
def test_the_noisy_form_processes_the_feature_plus_gamma_times_noise(gamma: float) -> None:
    torch.manual_seed(0)
    network = build_network("lenet", classes=4, image=(1, 32, 32), form="noisy", gamma=gamma).eval()
    images, seen = torch.rand(32, 1, 32, 32), []
    network.processing.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network(images)
        feature = network.encoder(images)
    noise = seen[0] - feature
    assert float(noise.abs().mean()) == pytest.approx(gamma * float(feature.abs().mean()), rel=1e-4)
    assert abs(float(noise.mean())) < 0.02 * float(noise.abs().mean())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arch": "lenet5"}, "unknown network 'lenet5'"),
        ({"arch": "resnet20", "variant": "gamma"}, "choose alpha or beta"),
        ({"arch": "lenet", "variant": "alpha"}, "no variants"),
        ({"arch": "lenet", "form": "quaternion"}, "unknown form"),
        ({"arch": "lenet", "image": (3, 8, 8)}, "use larger images"),
        ({"arch": "lenet", "secret": "key"}, f"unknown secret 'key'; choose one of {', '.join(SECRETS)}"),
        ({"arch": "lenet", "components": 3}, "a rotation is of 2 components, but 3"),
        ({"arch": "lenet", "secret": "permutation"}, "permutation is of plain networks.*form is complex"),
        ({"arch": "lenet", "secret": "permutation", "form": "noisy"}, "form is noisy"),
        ({"arch": "lenet", "sigma": 2.0}, "sigma is of Gaussian decoys and above 0; got 2"),
        ({"arch": "lenet", "sigma": 0.0, "decoy": "gaussian"}, "got 0 for decoys gaussian"),
    ],
)
def test_what_cannot_be_built_is_named(options: dict[str, object], message: str) -> None:
    arguments = {"classes": 10, "image": (3, 32, 32), **options}
    with pytest.raises(ModelError, match=message):
        build_network(**arguments)


def test_a_task_is_remembered_and_an_unknown_one_is_refused() -> None:
    assert build_network("lenet", classes=2, image=(1, 32, 32)).task == "classes"
    assert build_network("lenet", classes=2, image=(1, 32, 32), task="attributes").task == "attributes"
    with pytest.raises(ModelError, match="unknown task 'boxes'; choose one of classes, attributes"):
        build_network("lenet", classes=2, image=(1, 32, 32), task="boxes")
