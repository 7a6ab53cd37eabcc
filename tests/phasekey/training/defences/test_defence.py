"""What holds for every defence: the two sides apart, scale, weight, precision and resuming."""

import io

import pytest
import torch
from torch import nn

from phasekey.model import build_network
from phasekey.training.defences import AngleDefence, SearchDefence, WassersteinDefence, build_defence
from phasekey.training.defences.defence import unit_norm
from phasekey.training.settings.config import TrainConfig

from .conftest import gaussian, leaky, train

SHAPE = (8,)
KINDS = ["gp", "clip", "guess", "search"]


def new_defence(kind, **options):
    if kind == "guess":
        return AngleDefence(SHAPE, **options)
    if kind == "search":
        return SearchDefence(SHAPE, gaussian=False, **options)
    return WassersteinDefence(SHAPE, kind=kind, angles=3, **options)


def seeded_penalty(defence, feature, decoy):
    torch.manual_seed(5)
    return defence.penalty(feature, decoy)


@pytest.mark.parametrize("kind", KINDS)
def test_the_two_sides_get_gradients_from_their_own_loss_only(kind):
    defence = new_defence(kind)
    feature, decoy = leaky(SHAPE).requires_grad_(), leaky(SHAPE)
    defence.attack(feature, decoy)
    assert feature.grad is None
    defence.optimiser.zero_grad()
    defence.penalty(feature, decoy).backward()
    assert feature.grad.abs().sum() > 0
    assert all(value.grad is None for value in defence.parameters())
    assert all(value.requires_grad for value in defence.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_of_features_does_not_matter(kind):
    """Nor does the gradient change it: making features smaller hides nothing."""
    defence = new_defence(kind)
    train(defence, leaky, SHAPE, 5)
    feature, decoy = leaky(SHAPE).requires_grad_(), leaky(SHAPE).requires_grad_()
    small, large = seeded_penalty(defence, feature, decoy), seeded_penalty(defence, 9 * feature, 9 * decoy)
    assert small.item() == pytest.approx(large.item(), rel=1e-4)
    small.backward()
    along = (feature * feature.grad).sum() + (decoy * decoy.grad).sum()
    assert abs(along.item()) < 1e-4 * (feature.grad.norm() * feature.norm()).item()


def test_unit_norm_is_the_mean_over_features_and_decoys():
    a, b = unit_norm(5 * torch.randn(40, 3, 4, 4), 2 * torch.randn(40, 3, 4, 4))
    norms = [v.flatten(1).square().sum(1).mean().item() for v in (a, b)]
    assert sum(norms) / 2 == pytest.approx(1, rel=1e-5)
    assert norms[0] / norms[1] == pytest.approx(25 / 4, rel=0.2)


def test_features_that_are_all_zero_are_no_division_by_zero():
    defence = new_defence("gp")
    assert torch.isfinite(defence.penalty(torch.zeros(4, *SHAPE), torch.zeros(4, *SHAPE)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_weight_multiplies_the_penalty(kind):
    defence, batch = new_defence(kind), (leaky(SHAPE), leaky(SHAPE))
    train(defence, leaky, SHAPE, 5)
    once = seeded_penalty(defence, *batch).item()
    defence.weight = 3.0
    assert seeded_penalty(defence, *batch).item() == pytest.approx(3 * once, rel=1e-5)
    defence.weight = 0.0
    assert seeded_penalty(defence, *batch).item() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_an_encoder_with_a_leaking_mean_learns_to_drop_it(kind):
    """a = noise + μ gives the angle away by ⟨x, μ⟩; against the defence, μ shrinks and stays small.

    It swings about zero, as such games do: hence several updates of the adversary for each, and a mean.
    """
    mean = torch.full(SHAPE, 1.0, requires_grad=True)
    defence, optimiser = new_defence(kind, steps=3), torch.optim.Adam([mean], lr=0.02)
    sizes = []
    for _ in range(80):
        feature, decoy = gaussian(SHAPE) + mean, gaussian(SHAPE) + mean
        defence.attack(feature, decoy)
        optimiser.zero_grad()
        defence.penalty(feature, decoy).backward()
        optimiser.step()
        sizes.append(mean.detach().abs().mean().item())
    assert sum(sizes[-40:]) / 40 < 0.6


def test_steps_are_updates_of_the_adversary():
    defence = new_defence("gp", steps=3)
    defence.attack(leaky(SHAPE), leaky(SHAPE))
    assert {int(state["step"]) for state in defence.optimiser.state_dict()["state"].values()} == {3}


@pytest.mark.parametrize("kind", KINDS)
def test_low_precision_outside_leaves_a_defence_in_full_precision(kind):
    defence, batch = new_defence(kind), (leaky(SHAPE), leaky(SHAPE))
    full = seeded_penalty(defence, *batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(seeded_penalty(defence, *batch), full)  # bfloat16 would be off by 1e-3
        defence.attack(*(values.bfloat16() for values in batch))
    assert full.dtype == torch.float32


@pytest.mark.parametrize("kind", KINDS)
def test_a_defence_goes_on_from_its_state_as_if_never_stopped(kind, one_thread):
    batches = [(leaky(SHAPE), leaky(SHAPE)) for _ in range(6)]

    def go_on(defence, batches):
        torch.manual_seed(7)
        for batch in batches:
            defence.attack(*batch)
        return defence.penalty(*batches[0]).detach()

    defence, file = new_defence(kind), io.BytesIO()
    go_on(defence, batches[:3])
    torch.save(defence.state_dict(), file)
    straight = go_on(defence, batches[3:])
    resumed = new_defence(kind)
    file.seek(0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(go_on(resumed, batches[3:]), straight)
    for ours, theirs in zip(resumed.parameters(), defence.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    fresh = new_defence(kind)
    assert any(
        not torch.equal(ours, theirs)
        for ours, theirs in zip(fresh.parameters(), defence.parameters(), strict=True)
    )


def lenet(**options):
    return build_network("lenet", classes=3, image=(1, 32, 32), **options)


@pytest.mark.parametrize("form", ["original", "additional", "noisy"])
def test_forms_without_a_rotation_have_nothing_to_defend(form):
    assert build_defence(TrainConfig(form=form), lenet(form=form)) is None


def test_settings_become_a_defence():
    network = lenet()
    assert build_defence(TrainConfig(defence="none"), network) is None
    paper = build_defence(TrainConfig(critic="clip", k=7, defence_weight=0.5), network)
    assert isinstance(paper, WassersteinDefence)
    assert (paper.kind, paper.angles, paper.weight) == ("clip", 7, 0.5)
    assert build_defence(TrainConfig(), network).kind == "gp"
    hardened = build_defence(TrainConfig(defence="hardened", defence_weight=2.0, attack_steps=4), network)
    assert isinstance(hardened, AngleDefence)
    assert (hardened.weight, hardened.steps) == (2.0, 4)


@pytest.mark.parametrize("decoy", ["gaussian", "another-input"])
def test_vectors_are_hardened_by_a_search_that_knows_the_decoys_law(decoy):
    config = TrainConfig(defence="hardened", defence_weight=2.0, attack_steps=4)
    search = build_defence(config, lenet(head="bottleneck", decoy=decoy))
    assert isinstance(search, SearchDefence)
    assert (search.weight, search.steps) == (2.0, 4)
    assert (search.adversary.imaginary is None) == (decoy == "gaussian")


@pytest.mark.parametrize("head", ["paper", "bottleneck", "deep-bottleneck"])
@pytest.mark.parametrize("settings", [{"critic": "gp"}, {"critic": "clip"}, {"defence": "hardened"}])
def test_a_defence_fits_the_networks_own_features(head, settings):
    network = lenet(head=head)
    defence = build_defence(TrainConfig(**settings), network)
    feature, decoy = network.among_decoys(network.encoder(torch.rand(4, 1, 32, 32))).unbind(1)
    assert all(isinstance(value, float) for value in defence.attack(feature, decoy).values())
    defence.penalty(feature, decoy).backward()
    grads = [p.grad for p in network.encoder.parameters()]
    assert all(grad is not None for grad in grads)
    assert sum(float(grad.abs().sum()) for grad in grads) > 0
    assert isinstance(defence, nn.Module)
