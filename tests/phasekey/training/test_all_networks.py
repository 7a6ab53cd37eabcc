"""All 13 networks in all five forms: built, trained for a step, saved, loaded, and the same afterwards."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from phasekey.model import FORMS, build_network
from phasekey.model.hiding.rotation import rotate
from phasekey.model.table import networks
from phasekey.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

# The networks for 224 × 224 images take smaller ones too, for a tenth of the work.
SIDES = {"vgg16": 64, "alexnet": 96}
LABELS = ("ant", "bee", "cow")


def described(arch: str, variant: str | None, form: str) -> dict[str, object]:
    image = (3, SIDES.get(arch, 32), SIDES.get(arch, 32))
    settings: dict[str, object] = {
        "arch": arch,
        "variant": variant,
        "form": form,
        "gamma": 0.5,
        "classes": 3,
        "image": image,
    }
    return settings | ({"secret": "orthogonal", "decoy": "archive"} if form == "canonical" else {})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("arch", "variant"), list(networks()))
def test_a_step_changes_the_weights_and_a_checkpoint_keeps_them(
    arch: str, variant: str | None, form: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    architecture = described(arch, variant, form)
    network = build_network(**architecture).train()
    before = {name: value.clone() for name, value in network.named_parameters()}
    optimiser = torch.optim.SGD(network.parameters(), 0.01)
    images, labels = torch.rand(2, *architecture["image"]), torch.tensor([0, 2])
    loss = F.cross_entropy(network(images), labels)
    loss.backward()
    optimiser.step()
    assert torch.isfinite(loss)
    changed = [not torch.equal(before[name], value) for name, value in network.named_parameters()]
    assert np.mean(changed) > 0.9  # of two images, a ReLU may be dead for both

    network.sampler.fit(images.mul(255).byte().permute(0, 2, 3, 1))
    path = tmp_path / "model.pt"
    save_checkpoint(path, Checkpoint(network, architecture, LABELS, {}, {}))
    loaded = load_checkpoint(path)
    assert loaded.architecture == architecture
    expected = network.state_dict()
    assert all(torch.equal(expected[name], value) for name, value in loaded.network.state_dict().items())


@pytest.mark.parametrize("arch", SIDES)
def test_large_processing_modules_commute_with_rotation_in_float64(arch: str) -> None:
    torch.manual_seed(0)
    network = build_network(**described(arch, None, "complex")).double().eval()
    a, b = torch.randn(2, 2, *network.feature_shape, dtype=torch.float64)
    theta = torch.tensor([0.7, 4.1], dtype=torch.float64)
    with torch.no_grad():
        straight = torch.complex(*network.processing(torch.cat([a, b], 1)).chunk(2, 1))
        turned = torch.complex(*network.processing(rotate(a, b, theta)).chunk(2, 1))
    expected = straight * torch.exp(1j * theta)[:, None, None, None]
    assert float((turned - expected).norm() / expected.norm()) < 1e-12
