import numpy as np
import pytest

from phasekey.audit.numerics import whitening
from phasekey.audit.numerics.whitening import spectrum


def features(rows: int, size: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    spread = np.linspace(0.1, 3, size)
    mixing = np.linalg.qr(rng.standard_normal((size, size)))[0]
    return ((rng.standard_normal((rows, size)) * spread) @ mixing + 5).astype(np.float32)


def test_every_direction_varies_alike() -> None:
    data = features(4000, 30)
    white = data @ spectrum(data).whitening(shrinkage=0.0).T
    np.testing.assert_allclose(np.cov(white.T), np.eye(30), atol=0.01)


def test_shrinkage_holds_faint_directions_back() -> None:
    data = features(4000, 30)
    spread = (data @ spectrum(data).whitening(shrinkage=0.1).T).std(0)
    assert spread[0] > 0.95
    assert spread[-1] < 0.5


def test_moments_about_zero_see_the_mean() -> None:
    data = features(4000, 30)
    first = spectrum(data, centred=False).directions[0]
    assert abs(first @ np.full(30, 30**-0.5)) > 0.99


def test_wide_features_keep_their_largest_directions(monkeypatch: pytest.MonkeyPatch) -> None:
    data = features(2000, 60)
    whole = spectrum(data)
    monkeypatch.setattr(whitening, "LARGEST", 50)
    monkeypatch.setattr(whitening, "COMPONENTS", 40)
    part = spectrum(data)
    assert part.directions.shape == (40, 60)
    np.testing.assert_allclose(part.variance[:10], whole.variance[:10], rtol=0.02)
    assert (np.abs((part.directions[:5] * whole.directions[:5]).sum(1)) > 0.9).all()
