"""Every layer commutes with secrets, in float64, and agrees with a naive version of its equation."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor, nn

from phasekey.model.layers import equivariant as layers
from phasekey.model.layers.layout import fold, unfold

# Each by channels (or units) and components.
MAP_LAYERS: dict[str, Callable[..., nn.Module]] = {
    "convolution": lambda c, k=2: nn.Conv2d(c, 3, 3, padding=1, bias=False),
    "strided convolution": lambda c, k=2: nn.Conv2d(c, 2, 3, stride=2, bias=False),
    "δ, c = 1": lambda c, k=2: layers.PhaseReLU(1.0, components=k),
    "δ, c = 0.3": lambda c, k=2: layers.PhaseReLU(0.3, components=k),
    "δ, c_k": lambda c, k=2: layers.PhaseReLU(None, components=k),
    "δ, twice c_k": lambda c, k=2: layers.PhaseReLU(None, 2.0, k),
    "batch norm": lambda c, k=2: layers.NormBatchNorm(c, components=k),
    "average pooling": lambda c, k=2: nn.AvgPool2d(2),
    "global average pooling": lambda c, k=2: nn.AdaptiveAvgPool2d(1),
    "max pooling": lambda c, k=2: layers.NormMaxPool2d(2, components=k),
    "overlapping max pooling": lambda c, k=2: layers.NormMaxPool2d(3, 2, 1, k),
    "dropout": lambda c, k=2: layers.PairDropout(0.4, k),
    "flatten": lambda c, k=2: nn.Flatten(),
    "skip": lambda c, k=2: layers.Residual(nn.Conv2d(c, c, 3, padding=1, bias=False), nn.Identity()),
}
VECTOR_LAYERS: dict[str, Callable[..., nn.Module]] = {
    "linear": lambda d, k=2: nn.Linear(d, 5, bias=False),
    "δ, c = 1": lambda d, k=2: layers.PhaseReLU(1.0, components=k),
    "δ, c over the units": lambda d, k=2: layers.PhaseReLU(None, components=k),
    "batch norm": lambda d, k=2: layers.NormBatchNorm(d, components=k),
    "dropout": lambda d, k=2: layers.PairDropout(0.4, k),
}
# What each layer would be without its rule: rotation must notice.
RULE_BREAKERS: dict[str, Callable[[int], nn.Module]] = {
    "a bias": lambda c: nn.Conv2d(c, 3, 3, padding=1, bias=True),
    "a plain ReLU": lambda c: nn.ReLU(),
    "batch norm with mean": lambda c: nn.BatchNorm2d(c, affine=False),
    "max pooling by component": lambda c: nn.MaxPool2d(2),
    "a mask for each component": lambda c: nn.Dropout(0.4),
}
# What is right for two components and wrong for four: norms over half of them.
TWO_OF_FOUR: dict[str, Callable[[int], nn.Module]] = {
    name: MAP_LAYERS[name] for name in ("δ, c = 1", "δ, c_k", "max pooling", "dropout")
}


def to_complex(f: Tensor) -> Tensor:
    """Folded (2N, ...) -> complex (N, ...): written apart from the layers' own helpers."""
    half = len(f) // 2
    return torch.complex(f[:half], f[half:])


def to_folded(z: Tensor) -> Tensor:
    return torch.cat([z.real, z.imag])


def equivariance_error(layer: nn.Module, z: Tensor, theta: Tensor, seed: int) -> float:
    """Relative L2 of Φ(e^{iθ}f) against e^{iθ}Φ(f), the same dropout mask on both sides."""
    turn = torch.exp(1j * theta)
    with torch.no_grad():
        torch.manual_seed(seed)
        before = to_complex(layer(to_folded(z * turn.reshape(-1, *[1] * (z.dim() - 1)))))
        torch.manual_seed(seed)
        after = to_complex(layer(to_folded(z)))
    after = after * turn.reshape(-1, *[1] * (after.dim() - 1))
    return float((before - after).norm() / after.norm().clamp(min=1e-30))


def random_input(seed: int, *shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z = torch.complex(*torch.randn(2, *shape, generator=generator, dtype=torch.float64))
    return z, 2 * math.pi * torch.rand(shape[0], generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("name", MAP_LAYERS)
@settings(max_examples=15, deadline=None)
@given(
    n=st.integers(2, 5),
    c=st.integers(1, 4),
    h=st.integers(4, 9),
    w=st.integers(4, 9),
    seed=st.integers(0, 2**31),
)
def test_map_layers_commute_with_rotation(
    name: str, training: bool, n: int, c: int, h: int, w: int, seed: int
) -> None:
    layer = MAP_LAYERS[name](c).double().train(training)
    assert equivariance_error(layer, *random_input(seed, n, c, h, w), seed) < 1e-12


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("name", VECTOR_LAYERS)
@settings(max_examples=15, deadline=None)
@given(n=st.integers(2, 5), d=st.integers(1, 12), seed=st.integers(0, 2**31))
def test_vector_layers_commute_with_rotation(name: str, training: bool, n: int, d: int, seed: int) -> None:
    layer = VECTOR_LAYERS[name](d).double().train(training)
    assert equivariance_error(layer, *random_input(seed, n, d), seed) < 1e-12


def mixing_error(layer: nn.Module, f: np.ndarray, secret: np.ndarray, seed: int) -> float:
    """Relative L2 of Φ(Qf) against QΦ(f), components (k, N, ...) mixed by numpy, the same dropout mask."""

    def through(values: np.ndarray) -> np.ndarray:
        torch.manual_seed(seed)
        with torch.no_grad():
            result = layer(torch.from_numpy(values.reshape(-1, *values.shape[2:])))
        return result.numpy().reshape(*values.shape[:2], *result.shape[1:])

    before = through(np.einsum("njk,kn...->jn...", secret, f))
    after = np.einsum("njk,kn...->jn...", secret, through(f))
    return float(np.linalg.norm(before - after) / max(np.linalg.norm(after), 1e-30))


def random_secrets(seed: int, count: int, k: int) -> np.ndarray:
    """Orthogonal matrices by scipy, half of them reflections."""
    drawn = stats.ortho_group(k).rvs(count, random_state=seed).reshape(count, k, k)
    drawn[::2, 0] *= np.sign(np.linalg.det(drawn[::2]))[:, None]
    drawn[1::2, 0] *= -np.sign(np.linalg.det(drawn[1::2]))[:, None]
    return drawn


@pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("k", [2, 4, 8])
@pytest.mark.parametrize("name", [*MAP_LAYERS, *(f"{name}, vector" for name in VECTOR_LAYERS)])
def test_layers_commute_with_orthogonal_secrets(name: str, k: int, training: bool) -> None:
    vector = name.endswith(", vector")
    build = VECTOR_LAYERS[name.removesuffix(", vector")] if vector else MAP_LAYERS[name]
    f = np.random.default_rng(1).normal(size=(k, 4, 3) if vector else (k, 4, 3, 7, 6))
    layer = build(3, k).double().train(training)
    secrets = random_secrets(2, 4, k)
    assert set(np.sign(np.linalg.det(secrets))) == {-1.0, 1.0}
    assert mixing_error(layer, f, secrets, 3) < 1e-12


@pytest.mark.parametrize("name", TWO_OF_FOUR)
def test_norms_over_half_of_the_components_do_not_commute(name: str) -> None:
    f = np.random.default_rng(1).normal(size=(4, 4, 3, 8, 8))
    layer = TWO_OF_FOUR[name](3).double().train()
    assert mixing_error(layer, f, random_secrets(2, 4, 4), 3) > 1e-2


@pytest.mark.parametrize("k", [2, 3, 8])
def test_a_component_keeps_its_size_whatever_their_number(k: int) -> None:
    """δ and batch norm by their equations for k components, c and E|f|² as at two."""
    values = np.random.default_rng(4).normal(size=(k, 5, 3, 4, 4))
    folded = torch.from_numpy(values.reshape(-1, 3, 4, 4))
    norm = np.linalg.norm(values, axis=0)
    level = 0.7 * np.sqrt(k / 2)
    expected = norm / np.maximum(norm, level) * values
    found = layers.PhaseReLU(0.7, components=k)(folded).numpy().reshape(values.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    mean_square = (norm**2).mean(axis=(0, 2, 3)) * 2 / k
    normed = layers.NormBatchNorm(3, eps=1e-3, components=k).double()(folded).numpy().reshape(values.shape)
    np.testing.assert_allclose(normed, values / np.sqrt(mean_square + 1e-3)[:, None, None], rtol=1e-12)


def test_max_pooling_takes_all_components_from_one_place() -> None:
    values = np.random.default_rng(5).normal(size=(4, 2, 3, 4, 4))
    pooled = layers.NormMaxPool2d(2, components=4)(torch.from_numpy(values.reshape(-1, 3, 4, 4))).numpy()
    for n, c, row, column in np.ndindex(2, 3, 2, 2):
        window = values[:, n, c, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].reshape(4, -1)
        largest = window[:, np.linalg.norm(window, axis=0).argmax()]
        np.testing.assert_array_equal(pooled.reshape(4, 2, 3, 2, 2)[:, n, c, row, column], largest)


@pytest.mark.parametrize("name", RULE_BREAKERS)
def test_a_layer_without_its_rule_does_not_commute(name: str) -> None:
    layer = RULE_BREAKERS[name](3).double().train()
    assert equivariance_error(layer, *random_input(0, 4, 3, 8, 8), 0) > 1e-2


@pytest.mark.parametrize("name", ["δ, c = 1", "δ, c_k", "batch norm", "max pooling", "skip"])
def test_gradients_agree_with_finite_differences(name: str) -> None:
    layer = MAP_LAYERS[name](2).double().train()
    z, _ = random_input(1, 2, 2, 4, 4)
    assert torch.autograd.gradcheck(layer, to_folded(z).requires_grad_())


@pytest.mark.parametrize("threshold", [1.0, None])
def test_the_gradient_at_zero_norm_is_zero(threshold: float | None) -> None:
    f = torch.zeros(4, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    layers.PhaseReLU(threshold)(f).square().sum().backward()
    assert f.grad is not None
    assert torch.equal(f.grad, torch.zeros_like(f))


def test_delta_is_equation_6() -> None:
    z, _ = random_input(2, 3, 2, 5, 5)
    values = z.numpy()
    norm = np.abs(values)
    fixed = norm / np.maximum(norm, 0.7) * values
    level = norm.mean(axis=(2, 3), keepdims=True)
    relative = norm / np.maximum(norm, level) * values
    higher = norm / np.maximum(norm, 2.5 * level) * values
    for arguments, expected in (((0.7,), fixed), ((None,), relative), ((None, 2.5), higher)):
        found = to_complex(layers.PhaseReLU(*arguments)(to_folded(z))).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_delta_on_vectors_is_not_the_identity() -> None:
    z, _ = random_input(3, 2, 6)
    values = z.numpy()
    level = np.abs(values).mean(axis=1, keepdims=True)
    found = to_complex(layers.PhaseReLU(None)(to_folded(z))).numpy()
    np.testing.assert_allclose(found, np.abs(values) / np.maximum(np.abs(values), level) * values, rtol=1e-12)
    assert np.abs(found - values).max() > 0.1


def test_batch_norm_is_equation_7_and_keeps_running_statistics() -> None:
    layer = layers.NormBatchNorm(3, eps=1e-3, momentum=0.25).double()
    z, _ = random_input(4, 4, 3, 5, 6)
    level = (np.abs(z.numpy()) ** 2).mean(axis=(0, 2, 3))
    found = to_complex(layer(to_folded(z))).numpy()
    np.testing.assert_allclose(found, z.numpy() / np.sqrt(level + 1e-3)[:, None, None], rtol=1e-12)
    running = 0.75 * 1.0 + 0.25 * level
    np.testing.assert_allclose(layer.running_squared_norm.numpy(), running, rtol=1e-12)
    inferred = to_complex(layer.eval()(to_folded(z))).numpy()
    np.testing.assert_allclose(inferred, z.numpy() / np.sqrt(running + 1e-3)[:, None, None], rtol=1e-12)


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 0), (3, 2, 1)])
def test_max_pooling_keeps_the_largest_norm_with_its_phase(kernel: int, stride: int, padding: int) -> None:
    z, _ = random_input(5, 2, 3, 7, 7)
    found = to_complex(layers.NormMaxPool2d(kernel, stride, padding)(to_folded(z))).numpy()
    np.testing.assert_array_equal(found, naive_pool(z.numpy(), kernel, stride, padding))


def naive_pool(z: np.ndarray, kernel: int, stride: int, padding: int) -> np.ndarray:
    n, c, height, width = z.shape
    size = lambda side: (side + 2 * padding - kernel) // stride + 1  # noqa: E731
    out = np.zeros((n, c, size(height), size(width)), complex)
    for index in np.ndindex(*out.shape):
        top, left = index[2] * stride - padding, index[3] * stride - padding
        rows, columns = slice(max(top, 0), top + kernel), slice(max(left, 0), left + kernel)
        window = z[index[0], index[1], rows, columns].ravel()
        out[index] = window[np.abs(window).argmax()]
    return out


def test_dropout_takes_both_components_together_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    layer = layers.PairDropout(0.3).train()
    f = torch.ones(2, 20000)
    real, imaginary = layer(f)
    assert torch.equal(real == 0, imaginary == 0)
    assert abs(float((real == 0).float().mean()) - 0.3) < 0.02
    assert abs(float(real.mean()) - 1) < 0.02


@given(n=st.integers(1, 4), c=st.integers(1, 4), seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_fold_and_unfold_are_inverse_and_put_the_real_block_first(n: int, c: int, seed: int) -> None:
    z, _ = random_input(seed, n, c, 2, 3)
    x = torch.from_numpy(np.concatenate([z.numpy().real, z.numpy().imag], axis=1))
    assert torch.equal(fold(x), to_folded(z))
    assert torch.equal(unfold(fold(x)), x)
