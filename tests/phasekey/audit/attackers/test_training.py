import numpy as np
import pytest
import torch
from torch import Tensor, nn

from phasekey.audit.attack import CurvePoint
from phasekey.audit.attackers.training import CHECKS, Bank, fit, predict, seeded
from phasekey.audit.numerics.rotation import hide
from phasekey.audit.scene.scene import Scene


class Counting:
    def __init__(self) -> None:
        self.steps = 0

    def advance(self, steps: int = 1) -> None:
        self.steps += steps


def line(steps: int, watch: object) -> tuple[nn.Linear, tuple[CurvePoint, ...]]:
    """A line through points of y = 2x + 1."""
    network, x = nn.Linear(1, 1), torch.linspace(-1, 1, 50)[:, None]

    def loss(network: nn.Module, rows: Tensor) -> Tensor:
        return (network(x[rows]) - 2 * x[rows] - 1).square().mean()

    def validation(network: nn.Module) -> float:
        assert not torch.is_grad_enabled()
        assert not network.training
        return float((network(x) - 2 * x - 1).square().mean())

    curve = fit(network, loss, validation, images=50, steps=steps, batch=16, rate=0.1, watch=watch)
    return network, curve


def test_learns_a_line_and_tells_its_watch() -> None:
    watch = Counting()
    with seeded(0):
        network, curve = line(200, watch)
    assert watch.steps == 200
    assert len(curve) == CHECKS
    assert [point.step for point in curve] == list(range(10, 201, 10))
    assert curve[-1].validation < 1e-3 < curve[0].validation
    assert network.weight.item() == pytest.approx(2, abs=0.05)
    assert not network.training


@pytest.mark.parametrize("steps", [1, 2, 3, 9, 10, 11, 20])
def test_any_number_of_steps_has_a_schedule(steps: int) -> None:
    """A tenth of ten steps is one, and torch's one cycle then divides by none."""
    watch = Counting()
    _, curve = line(steps, watch)
    assert watch.steps == curve[-1].step == steps


def test_keeps_the_weights_that_were_best_on_validation() -> None:
    losses = iter([3.0, 1.0, 2.0, 5.0])
    network = nn.Linear(1, 1)
    seen: list[float] = []

    def validation(network: nn.Module) -> float:
        seen.append(network.weight.item())
        return next(losses)

    fit(
        network, lambda network, rows: network.weight.sum(), validation,
        images=4, steps=4, batch=2, rate=0.1, watch=Counting(),
    )  # fmt: skip
    assert network.weight.item() == seen[1]
    assert len(set(seen)) == 4


def test_the_seed_decides_and_leaves_others_alone() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with seeded(1):
        one = line(5, Counting())[0]
    with seeded(1):
        two = line(5, Counting())[0]
    assert torch.equal(one.weight, two.weight)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_bank_draws_new_transmissions_of_old_images(leaky: Scene) -> None:
    bank, rows = Bank(leaky.test), torch.arange(4)
    with seeded(0):
        (x, theta), (other_x, other) = bank.draw(rows), bank.draw(rows)
    assert (theta != other).all()
    assert (x != other_x).any()
    # What is under the rotation is the row's feature, and a decoy of the split.
    back = hide(x[:, :16].numpy(), x[:, 16:].numpy(), -theta.numpy())
    np.testing.assert_allclose(back[:, :16], leaky.test.feature[:4], atol=1e-4)
    away = np.abs(leaky.test.decoy[None] - back[:, None, 16:]).max((2, 3, 4)).min(1)
    assert away.max() < 1e-4
    assert len(bank) == len(leaky.test)
    np.testing.assert_allclose(
        bank.targets(rows).numpy(), np.moveaxis(leaky.test.images[:4], 3, 1) / 255, atol=1e-6
    )


def test_predicts_part_by_part_as_at_once() -> None:
    inputs = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)
    network = nn.Linear(3, 2)
    whole = network(torch.from_numpy(inputs)).detach().numpy()
    np.testing.assert_allclose(predict(network, inputs, batch=3), whole, atol=1e-6)
