import numpy as np
import torch

from phasekey.audit.attackers.networks.energies import Energies, angle_loss
from phasekey.audit.numerics.rotation import turn


def network(seed: int = 0) -> Energies:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    made = Energies(rng.standard_normal((9, 12)).astype(np.float32), (np.ones(12, np.float32),) * 2, 16)
    with torch.no_grad():
        made.feature.quadratic.normal_()
        made.decoy.quadratic.normal_()
    return made.eval()


def transmissions(rows: int = 7) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((rows, 24)).astype(np.float32)


def test_scores_turn_with_the_transmission() -> None:
    x, angles = transmissions(), torch.linspace(0, 6, 5).expand(7, -1)
    turned = torch.from_numpy(turn(x, np.full(7, 0.7)))
    with torch.no_grad():
        np.testing.assert_allclose(
            network()(turned, angles + 0.7), network()(torch.from_numpy(x), angles), atol=1e-4
        )


def test_a_score_is_that_of_the_parts_one_by_one() -> None:
    """The shortcut for many angles against the same network on x turned by hand."""
    made, x = network(), transmissions()
    angle = 1.1
    with torch.no_grad():
        scores = made(torch.from_numpy(x), torch.full((7, 1), angle))[:, 0]
        values = (x[:, :12] + 1j * x[:, 12:]) * np.exp(-1j * angle)
        total = torch.zeros(7)
        for side, part, centre in zip(
            (made.feature, made.decoy), (values.real, values.imag), made.centre, strict=True
        ):
            t = torch.from_numpy(part.astype(np.float32)) @ made.white
            total += side.rest(side.first(t - centre))[:, 0]
            total += (t * t) @ side.quadratic / len(side.quadratic) ** 0.5
    np.testing.assert_allclose(scores, total, rtol=1e-4, atol=1e-4)


def test_the_loss_of_flat_scores_is_that_of_guessing() -> None:
    def flat(x: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(angles)

    loss = angle_loss(flat, torch.zeros(5, 24), torch.zeros(5), 16)
    assert abs(float(loss) - np.log(16)) < 1e-5
