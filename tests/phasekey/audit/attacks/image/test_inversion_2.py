"""Inversion-2 where angles are hidden or absent, and its parts."""

import dataclasses

import numpy as np
import pytest
import torch

from phasekey.audit.attackers.image_decoder import new_decoder
from phasekey.audit.attackers.networks.energies import Energies
from phasekey.audit.attacks.image.inversion_2 import InversionTwo, Mixture
from phasekey.audit.attacks.image.pair_decoder import better
from phasekey.audit.budget import EFFORTS
from phasekey.audit.running.runner import attack_scene
from phasekey.audit.scene.scene import Samples, Scene

SMALL = dataclasses.replace(EFFORTS["control"], image_steps=20)


class _Plain:
    """The leaky device, without rotation."""

    rotated = False
    processes = False

    def __init__(self, scene: Scene) -> None:
        self.encode = scene.device.encode


def _rmse(images: np.ndarray, samples: Samples) -> float:
    return float(np.sqrt(((images - samples.images / 255.0) ** 2).mean()))


def test_a_black_box_needs_no_more_than_pairs(leaky: Scene, watch) -> None:
    """Without feature, decoy or angle, by which an attack in a black box must not go."""

    def bare(samples: Samples) -> Samples:
        unknown = np.full_like(samples.feature, np.nan)
        return dataclasses.replace(samples, feature=unknown, decoy=None, theta=None)

    splits = {name: bare(getattr(leaky, name)) for name in ("train", "validation", "test")}
    black = dataclasses.replace(leaky, box="black", **splits)
    found = attack_scene(InversionTwo(), black, SMALL, 0)
    assert _rmse(found.estimate[:, 0], leaky.test) < 0.18  # the mean image: 0.237


def test_without_rotation_x_is_the_feature(leaky: Scene, watch) -> None:
    plain = {
        name: dataclasses.replace(samples, x=samples.feature, decoy=None, theta=None)
        for name, samples in (("train", leaky.train), ("validation", leaky.validation), ("test", leaky.test))
    }
    scene = dataclasses.replace(leaky, device=_Plain(leaky), **plain)
    found = attack_scene(InversionTwo(), scene, SMALL, 0)
    assert _rmse(found.estimate[:, 0], scene.test) < 0.05


def test_a_mixture_is_the_mean_over_the_posterior(leaky: Scene) -> None:
    """Every angle alike likely: the mean over turned copies, whichever copy is given."""
    torch.manual_seed(0)
    shape = leaky.train.feature.shape[1:]
    size = int(np.prod(shape))
    # Nothing in the network's view of x, so that all angles score alike.
    posterior = Energies(np.zeros((2, size), np.float32), (np.zeros(size, np.float32),) * 2, 4)
    decoder = new_decoder(leaky, SMALL, shape).eval()
    decoder.picture.weight.normal_(0, 0.1)
    x = torch.from_numpy(leaky.test.x[:3])
    quarter = torch.cat([-x.chunk(2, 1)[1], x.chunk(2, 1)[0]], 1)
    with torch.no_grad():
        torch.testing.assert_close(Mixture(posterior, decoder)(quarter), Mixture(posterior, decoder)(x))


def test_the_better_of_two_guesses_counts_whichever_it_is() -> None:
    images = torch.rand(4, 1, 2, 2)
    wrong = images + torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(4, 1, 1, 1)
    pairs = torch.stack([torch.stack([images[0] + 0.5, wrong[0]]), *(
        torch.stack([wrong[row], images[row]]) for row in (1, 2, 3)
    )])  # fmt: skip
    assert float(better(pairs, images)) == pytest.approx(0.25 / 4)
    assert float(better(pairs.flip(1), images)) == pytest.approx(0.25 / 4)
