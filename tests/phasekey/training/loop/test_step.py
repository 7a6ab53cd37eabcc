"""What a step does with a defence: the adversary first, on features that carry no gradient."""

import math

import pytest
import torch
from torch import nn

from phasekey.model import build_network
from phasekey.training.loop import step as step_module
from phasekey.training.loop.hardware import build_accelerator
from phasekey.training.loop.step import Learner
from phasekey.training.settings.config import TrainConfig
from phasekey.training.settings.modes import PRESETS


class StubDefence(nn.Module):
    """Punishes large features, and notes what it was given."""

    def __init__(self, weight=0.0):
        super().__init__()
        self.weight, self.seen = weight, []
        self.level = nn.Parameter(torch.zeros(()))

    def attack(self, feature, decoy):
        self.seen.append(("attack", feature.requires_grad or decoy.requires_grad))
        with torch.no_grad():
            self.level.add_(1)
        return {"level": float(self.level.detach())}

    def penalty(self, feature, decoy):
        self.seen.append(("penalty", feature.requires_grad and decoy.requires_grad))
        return self.weight * feature.square().mean()


@pytest.fixture
def learner(monkeypatch):
    def build(defence=None, form="complex", **settings):
        torch.manual_seed(0)
        monkeypatch.setattr(step_module, "build_defence", lambda *_: defence)
        config = TrainConfig(warmup=0, device="cpu", **settings)
        network = build_network(
            "lenet", classes=10, image=(1, 32, 32), form=form,
            head=config.head, width=config.width, decoy=config.decoy_law,
            secret=config.secret, components=config.components, sigma=config.sigma,
        )  # fmt: skip
        return Learner(network, config, build_accelerator(config), 10)

    return build


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(8, 1, 32, 32, generator=generator), torch.randint(0, 10, (8,), generator=generator)


def test_the_adversary_learns_first_and_never_reaches_the_encoder(learner, batch):
    defence = StubDefence()
    figures = learner(defence).step(*batch)
    assert defence.seen == [("attack", False), ("penalty", True)]
    assert figures["defence/level"] == 1
    assert 0 <= figures["right"] <= 1


def test_the_penalty_moves_the_encoder(learner, batch):
    def size_after(weight):
        torch.manual_seed(1)
        made = learner(StubDefence(weight))
        for _ in range(5):
            made.step(*batch)
        with torch.no_grad():
            return float(made.network.encoder(batch[0]).square().mean())

    assert size_after(1e3) < 0.8 * size_after(0.0)


def test_the_loss_reported_is_the_tasks_alone(learner, batch):
    torch.manual_seed(1)
    plain = learner(StubDefence(0.0)).step(*batch)["loss"]
    torch.manual_seed(1)
    assert learner(StubDefence(1e6)).step(*batch)["loss"] == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("form", ["original", "additional", "noisy"])
def test_forms_without_rotation_have_nothing_to_defend(learner, batch, form):
    defence = StubDefence()
    assert learner(defence, form=form).step(*batch).keys() == {"loss", "right"}
    assert defence.seen == []


def test_the_largest_weight_is_nan_where_any_is(learner):
    made = learner()
    assert 0 < made.largest_weight() < 100
    with torch.no_grad():
        made.network.decoder[-1].bias[3] = float("nan")
    assert made.largest_weight() != made.largest_weight()


@pytest.mark.parametrize("settings", [PRESETS["bounded"], {"secret": "orthogonal", "components": 4}])
def test_components_are_trained(learner, batch, settings):
    made = learner(**{name: value for name, value in settings.items() if name not in ("form", "defence")})
    losses = [made.step(*batch)["loss"] for _ in range(15)]
    assert min(losses[-3:]) < 0.7 * losses[0]


def test_the_loss_is_the_mean_over_draws_and_consistency_makes_them_alike(learner, batch):
    def trained(**settings):
        torch.manual_seed(1)
        made = learner(secret="orthogonal", components=3, **settings)
        return [made.step(*batch) for _ in range(30)]

    def most(figures):
        """At the height of learning: all begin alike, and all end by knowing eight images by heart."""
        return max(each["defence/disagreement"] for each in figures[3:])

    without = trained(draws=3)
    hardly, much = trained(draws=3, consistency=1e-9), trained(draws=3, consistency=30.0)
    assert without[0].keys() == {"loss", "right"}
    assert hardly[0]["loss"] == pytest.approx(without[0]["loss"], rel=1e-5)
    assert without[0]["loss"] != trained(draws=1)[0]["loss"]
    assert most(much) < 0.5 * most(hardly)


def test_the_first_step_of_the_papers_mode_is_equations_2_and_3(learner, batch):
    """By complex numbers, from the draws of old: a shift of the batch, then angles."""
    made = learner()
    network = made.network.train()
    state = torch.random.get_rng_state()
    logits = made.run_pass(batch[0]).logits
    torch.random.set_rng_state(state)
    with torch.no_grad():
        feature = network.encoder(batch[0])
        decoy = feature.roll(int(torch.randint(1, len(feature), ())), dims=0)
        turn = torch.exp(2j * math.pi * torch.rand(len(feature)))[:, None, None, None]
        x = turn * torch.complex(feature, decoy)
        h = network.processing(torch.cat([x.real, x.imag], dim=1))
        real = (torch.complex(*h.chunk(2, dim=1)) / turn[:, :, 0, 0]).real
        expected = network.decoder(real)
    torch.testing.assert_close(logits[0], expected, rtol=1e-3, atol=1e-4)
