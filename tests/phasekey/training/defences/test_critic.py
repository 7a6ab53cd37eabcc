import pytest
import torch
from torch import nn

from phasekey.training.defences.critic import build_critic, clip_weights


@pytest.mark.parametrize("shape", [(16,), (3, 5, 7)])
def test_a_critic_gives_one_number_for_each_sample(shape):
    assert build_critic(shape)(torch.randn(4, *shape)).shape == (4,)


@pytest.mark.parametrize("shape", [(16,), (3, 5, 7)])
def test_one_sample_does_not_depend_on_another(shape):
    """What the gradient penalty needs, and batch norm would break."""
    critic, features = build_critic(shape), torch.randn(4, *shape)
    together, alone = critic(features), torch.cat([critic(one[None]) for one in features])
    assert torch.allclose(together, alone, atol=1e-5)


def test_the_critic_of_maps_has_the_layers_of_the_generator():
    """Appendix B: input convolution, two in a block with a skip, output; here to a scalar."""
    layers = [m for m in build_critic((6, 14, 14)).modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert [type(layer) for layer in layers] == [nn.Conv2d] * 3 + [nn.Linear]
    assert layers[-1].out_features == 1


def test_weights_are_clipped_by_layer_and_the_share_at_the_bound_is_counted():
    layer, other = nn.Linear(4, 1), nn.Linear(16, 1)  # bounds 1/2 and 1/4
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[2.0, -2.0, 0.4, 0.5]]))
        layer.bias.fill_(-3.0)
        other.weight.fill_(0.2)
        other.weight[0, 0] = 7.0
    share = clip_weights(nn.Sequential(layer, other))
    assert layer.weight.tolist() == [[0.5, -0.5, pytest.approx(0.4), 0.5]]
    assert layer.bias.item() == -0.5
    assert other.weight.max().item() == 0.25
    assert share == pytest.approx(4 / 20)
