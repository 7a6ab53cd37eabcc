import torch

from phasekey.model import build_network
from phasekey.training.reproduction.speed import BATCH, ROUNDS, seconds_per_image


def test_whole_batches_go_through_the_whole_network():
    network = build_network("lenet", classes=10, image=(1, 32, 32))
    seen = []
    network.decoder.register_forward_hook(lambda _, __, logits: seen.append(len(logits)))
    state = torch.random.get_rng_state()
    assert 0 < seconds_per_image(network) < 1
    assert seen == [BATCH] * ROUNDS
    assert torch.equal(torch.random.get_rng_state(), state)
