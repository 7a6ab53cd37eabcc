"""The frontier: its laws against scipy's, what a secret leaves alone, and the whole on digits."""

import numpy as np
import pytest
import torch
from scipy.special import digamma
from scipy.stats import ortho_group, wishart

from benchmarks.__main__ import main
from benchmarks.frontier.cell import Cell, Place
from benchmarks.frontier.decoys import decoy_rows
from benchmarks.frontier.networks import Attacker, Cloud
from benchmarks.frontier.points import Alone, point_of
from benchmarks.frontier.posterior import label_posterior
from benchmarks.frontier.report import verdict


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("components", [4, 7, 12])
def test_few_rows_have_the_law_of_many(components):
    """The Gram matrix of k - 1 Gaussian rows: its mean, and E ln|S| where k > D."""
    values, sigma = 6, 2.0
    rows = decoy_rows(20_000, values, components, sigma).double()
    assert rows.shape[1] == min(components - 1, values)
    grams = rows.transpose(1, 2) @ rows
    mean = (components - 1) * sigma**2 * np.eye(values)
    np.testing.assert_allclose(grams.mean(0).numpy(), mean, atol=0.03 * (components - 1) * sigma**2)
    if components > values:
        expected = sum(digamma((components - i) / 2) for i in range(1, values + 1))
        expected += values * np.log(2 * sigma**2)
        assert torch.logdet(grams).mean().item() == pytest.approx(expected, abs=0.05)


def test_a_secret_leaves_the_attackers_view_alone_and_the_cloud_begins_as_the_read_out():
    values, classes, k = 5, 3, 4
    rows = torch.randn(8, k, values)
    secret = torch.from_numpy(ortho_group.rvs(k, size=8, random_state=0)).float()
    mixed = secret @ rows
    attacker = Attacker(values, classes).eval()
    torch.testing.assert_close(
        attacker(mixed[:, 0], mixed[:, 1:]), attacker(rows[:, 0], rows[:, 1:]), rtol=1e-3, atol=1e-4
    )
    weight, bias = torch.randn(classes, values), torch.randn(classes)
    cloud = Cloud(weight, bias).eval()
    torch.testing.assert_close(cloud(rows[:, 0], rows[:, 1:]), rows[:, 0] @ weight.T + bias)


def test_the_clouds_answer_is_an_equivariant_map_of_the_rows():
    """Without bias: answering for each row of QM is Q times answering for each row of M."""
    values, k = 5, 4
    rows = torch.randn(k, values)
    secret = torch.from_numpy(ortho_group.rvs(k, random_state=0)).float()
    cloud = Cloud(torch.randn(3, values), torch.zeros(3)).eval()
    torch.nn.init.normal_(cloud.answer.weight)

    def each(mixed):
        others = [torch.cat([mixed[:i], mixed[i + 1 :]]) for i in range(k)]
        return torch.cat([cloud(mixed[i : i + 1], others[i][None]) for i in range(k)])

    torch.testing.assert_close(each(secret @ rows), secret @ each(rows), rtol=1e-3, atol=1e-4)


def test_the_posterior_is_that_of_wishart_densities():
    random = np.random.default_rng(0)
    values, k, sigma = 4, 9, 1.5
    candidates = random.normal(size=(30, values))
    candidates *= 2 / np.linalg.norm(candidates, axis=1, keepdims=True)
    labels = np.arange(30) % 3
    decoys = sigma * random.normal(size=(5, k - 1, values))
    grams = candidates[:5, :, None] * candidates[:5, None] + decoys.transpose(0, 2, 1) @ decoys
    found = label_posterior(
        grams.astype(np.float32), candidates.astype(np.float32), labels, components=k, classes=3
    )
    for gram, answer in zip(grams, found, strict=True):
        weights = np.zeros(30)
        for index, candidate in enumerate(candidates):
            rest = gram - np.outer(candidate, candidate)
            if np.linalg.eigvalsh(rest)[0] > 0:
                weights[index] = wishart.pdf(rest, df=k - 1, scale=sigma**2 * np.eye(values))
        expected = np.bincount(labels, weights) / weights.sum()
        np.testing.assert_allclose(answer, expected, rtol=1e-3, atol=1e-4)


def test_the_verdict_counts_what_adds_more_than_its_interval():
    right = np.repeat(np.float32([1, 0]), [700, 300])
    worse, better = np.roll(right, 50) * right, np.ones(1000, np.float32)
    alone = Alone(worse, None, 1)
    cells = {
        Place("linear", 8, 2, 1.0): Cell(right, {"trained": worse}),
        Place("linear", 8, 16, 2.0): Cell(worse, {"trained": worse, "posterior": right}),
    }
    points = [point_of(place, cell, alone) for place, cell in cells.items()]
    assert [point.nats is None for point in points] == [True, False]
    assert points[1].attacker == "posterior"
    first, second, third = verdict(points).splitlines()
    assert "1 of 2 places, most +5.0" in first
    assert "0 of 1 places" in second
    assert "0 of 0 places" in third  # nobody trained the device's own network
    beaten = [point_of(place, cell, Alone(worse, better, 1)) for place, cell in cells.items()]
    assert "0 of 2 places" in verdict(beaten).splitlines()[2]


def test_the_whole_on_digits_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    line = [
        "frontier", "--data", "digits", "--work", str(tmp_path / "work"), "--values", "4", "--coarse",
        "--steps", "6", "--epochs", "1", "--own-epochs", "1", "--out", str(tmp_path / "frontier.md"),
    ]  # fmt: skip
    assert main(line) == 0
    page = (tmp_path / "frontier.md").read_text()
    assert "## linear, D = 4" in page
    assert "## lenet, D = 4" in page
    rows = [row for row in page.splitlines() if row.startswith(("| 2 |", "| 4 |", "| 8 |"))]
    assert len(rows) == 2 * 3 * 2
    assert all(("no bound" in row) == (not row.startswith("| 8 |")) for row in rows)
    assert (tmp_path / "frontier.png").read_bytes().startswith(b"\x89PNG")
    monkeypatch.setattr("benchmarks.frontier.command.measure", None)
    monkeypatch.setattr("benchmarks.frontier.command.own_network", None)
    assert main(line) == 0
    assert (tmp_path / "frontier.md").read_text() == page
    (tmp_path / "work" / "lenet-4-k8-s2.npz").unlink()
    assert main([*line, "--finished"]) == 0
    fewer = (tmp_path / "frontier.md").read_text()
    assert "12 of 12 places" in " ".join(page.split())  # wherever its lines break
    assert "11 of 12 places" in " ".join(fewer.split())
    rows = [row for row in fewer.splitlines() if row.startswith(("| 2 |", "| 4 |", "| 8 |"))]
    assert len(rows) == 2 * 3 * 2 - 1
