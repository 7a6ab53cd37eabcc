"""A device's round and a round's end, on a small network: what moves, what stays, what is refused."""

import numpy as np
import pytest
import torch

from phasekey.federated.errors import FederatedError
from phasekey.federated.local import local_update
from phasekey.federated.rounds import Public, end_round
from phasekey.federated.settings import Terms
from phasekey.federated.travelling import put, renew_norms, take, travelling
from phasekey.federated.updates import add, norm
from phasekey.training.checkpoint import load_checkpoint


def states(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def moved(before, network):
    return {name for name, value in network.state_dict().items() if not torch.equal(before[name], value)}


def trained(checkpoint, dataset, **terms):
    weights = take(checkpoint.network, thawed=terms.get("thawed", False))
    update = local_update(checkpoint.network, weights, dataset.train, "none", Terms(**terms), seed=0)
    return weights, update


def test_weights_after_the_encoder_travel_and_no_buffer(checkpoint):
    names = set(travelling(checkpoint.network))
    parameters = {name for name, _ in checkpoint.network.named_parameters()}
    assert names == {name for name in parameters if not name.startswith("encoder.")}
    assert set(travelling(checkpoint.network, thawed=True)) == parameters


def test_a_device_changes_what_travels_and_leaves_the_encoder_as_it_is(checkpoint, dataset):
    before = states(checkpoint.network)
    weights, update = trained(checkpoint, dataset)
    changed = moved(before, checkpoint.network)
    assert changed >= set(travelling(checkpoint.network))
    assert not any(name.startswith(("encoder.", "sampler.")) for name in changed)
    assert update.weight == len(dataset.train)
    put(checkpoint.network, add(weights, update.change))
    for got, wanted in zip(take(checkpoint.network), add(weights, update.change), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_a_thawed_encoder_learns_but_its_running_statistics_stay(checkpoint, dataset):
    before = states(checkpoint.network)
    trained(checkpoint, dataset, thawed=True)
    changed = {name for name in moved(before, checkpoint.network) if name.startswith("encoder.")}
    parameters = {name for name, _ in checkpoint.network.named_parameters()}
    assert changed
    assert changed <= parameters


def test_a_device_clips_its_change(checkpoint, dataset):
    _, update = trained(checkpoint, dataset, lr=0.5, clip_norm=0.01)
    assert norm(update.change) == pytest.approx(0.01, rel=1e-4)


def test_training_that_diverges_is_an_error_and_no_update(checkpoint, dataset):
    with pytest.raises(FederatedError, match="finite"):
        trained(checkpoint, dataset, lr=1e30, epochs=3)


def test_weights_of_another_network_are_refused(checkpoint):
    with pytest.raises(FederatedError, match="not of the network"):
        put(checkpoint.network, take(checkpoint.network)[:-1])


def test_norms_are_renewed_from_public_images(checkpoint, dataset):
    """The running square norm is the mean of the batches' own, computed here by hand."""
    network = checkpoint.network
    (norms,) = [m for m in network.processing.modules() if hasattr(m, "running_squared_norm")]
    seen = []
    handle = norms.register_forward_pre_hook(
        lambda _, given: seen.append(2 * given[0].square().mean(dim=(0, 2, 3)))
    )
    renew_norms(network, dataset.train.images)
    handle.remove()
    torch.testing.assert_close(norms.running_squared_norm, torch.stack(seen).mean(0))
    assert norms.momentum == 0.1
    assert not network.training


def test_a_round_ends_in_a_checkpoint_that_was_proved(checkpoint, dataset, tmp_path):
    weights, update = trained(checkpoint, dataset)
    public = Public(dataset.train.images[::4], dataset.test)
    path = tmp_path / "model.pt"
    accuracy = end_round(checkpoint, add(weights, update.change), public, path, {"rounds": 1}, thawed=False)
    loaded = load_checkpoint(path)
    assert loaded.facts["federated"] == {"rounds": 1}
    assert loaded.facts["test_accuracy"] == accuracy.hidden
    assert accuracy.plain > 0.8


def test_a_result_that_is_not_proved_is_refused(checkpoint, dataset, tmp_path):
    """A bias in the processing module turns with no secret."""
    layers = checkpoint.network.processing.layers
    linear = next(layer for layer in layers if isinstance(layer, torch.nn.Linear))
    linear.bias = torch.nn.Parameter(torch.ones(linear.out_features))
    public, path = Public(dataset.train.images, dataset.test), tmp_path / "model.pt"
    with pytest.raises(FederatedError, match="refused"):
        end_round(checkpoint, take(checkpoint.network), public, path, {}, thawed=False)
    assert not path.exists()
