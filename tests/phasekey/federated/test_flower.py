"""Rounds through Flower's own workflows in one process: only where Flower is, see docs/adr/0095."""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from phasekey.federated.errors import FederatedError
from phasekey.federated.local import Terms
from phasekey.federated.simulation import gather, simulate
from phasekey.training.checkpoint import load_checkpoint, save_checkpoint

pytestmark = pytest.mark.skipif(
    find_spec("flwr") is None, reason="Flower is in an environment of its own: `make federated`"
)


@pytest.fixture
def start(checkpoint, tmp_path):
    path = tmp_path / "start.pt"
    save_checkpoint(path, checkpoint)
    return path


@pytest.fixture
def run(start, dataset, tmp_path):
    """Run rounds; the weights that came out, and what was said."""
    from phasekey.federated.flower.server import Rounds

    def call(aggregate, *, clients=4, least=3, number=1):
        said = []
        path = simulate(
            start,
            dataset,
            gather(dataset, clients, "iid", 0),
            Rounds(number, clients, least, deadline=20, aggregate=aggregate),
            Terms(lr=0.05, longest=2.0),
            tmp_path / aggregate,
            said.append,
        )
        return load_checkpoint(path), said

    return call


def test_two_rounds_improve_the_network_and_leave_the_encoder(run, start):
    before, (after, said) = load_checkpoint(start), run("secagg", number=2)
    assert len(said) == 2
    assert after.facts["federated"] == {"rounds": 2, "devices": 4, "aggregate": "secagg"}
    assert after.facts["test_accuracy_plain"] > 0.8
    for name, value in before.network.encoder.state_dict().items():
        assert torch.equal(value, after.network.encoder.state_dict()[name])


def test_a_secure_sum_of_two_is_refused(run):
    with pytest.raises(FederatedError, match="3 devices or more"):
        run("secagg", clients=2, least=2)


def rounds_by_hand(apps, weights, *, least, aggregate="plain", longest=1.0):
    """What a round of these devices comes to."""
    import phasekey.federated.flower  # noqa: F401 - telemetry off first
    from phasekey.federated.flower.in_process import FIRST_DEVICE, SERVER, InProcessGrid, new_context
    from phasekey.federated.flower.server import Rounds, run_rounds

    seen = []
    rounds = Rounds(1, len(apps), least, deadline=5, aggregate=aggregate)
    terms = Terms(longest=longest)
    grid = InProcessGrid(dict(enumerate(apps, start=FIRST_DEVICE)))
    return run_rounds(
        grid, new_context(SERVER), weights, terms, rounds, lambda facts, _: seen.append(facts)
    ), seen


def sender(change, *, count=10, masked=False):
    """The app of a device that sends what it is told to."""
    from flwr.client import NumPyClient
    from flwr.client.mod import secaggplus_mod
    from flwr.clientapp import ClientApp

    import phasekey.federated.flower  # noqa: F401

    class Sender(NumPyClient):
        def fit(self, parameters, config):
            if change is None:
                raise RuntimeError("out of battery")
            return change, count, {}

    return ClientApp(client_fn=lambda context: Sender().to_client(), mods=[secaggplus_mod] if masked else [])


ZERO = [np.zeros((2, 2), np.float32), np.zeros(3, np.float32)]


def all_of(value):
    return [np.full_like(part, value) for part in ZERO]


BAD = {
    "nan": all_of(np.nan),
    "wrong shapes": [np.zeros((2, 3), np.float32), ZERO[1]],
    "too few arrays": ZERO[:1],
    "raises": None,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_device_is_left_out_and_the_others_make_the_round(name):
    good = [sender(all_of(0.1)) for _ in range(3)]
    weights, (facts,) = rounds_by_hand([*good, sender(BAD[name])], ZERO, least=3)
    np.testing.assert_allclose(weights[0], 0.1, rtol=1e-5)
    assert (facts.taken, facts.refused) == (3, 1)


def test_a_device_that_never_answers_is_not_waited_for_for_ever():
    weights, (facts,) = rounds_by_hand([*[sender(all_of(0.1)) for _ in range(3)], None], ZERO, least=3)
    np.testing.assert_allclose(weights[1], 0.1, rtol=1e-5)
    assert facts.taken == 3


def test_too_few_devices_change_nothing():
    weights, seen = rounds_by_hand([sender(all_of(0.1)), sender(None), sender(None)], ZERO, least=2)
    np.testing.assert_array_equal(weights[0], ZERO[0])
    assert seen == []


def test_a_scaled_update_counts_no_more_than_its_clipped_share():
    apps = [*[sender(all_of(0.0)) for _ in range(3)], sender(all_of(1e6), count=10**9)]
    weights, _ = rounds_by_hand(apps, ZERO, least=3)
    moved = np.sqrt(sum(np.square(part).sum() for part in weights))
    assert moved <= 1000 / (1000 + 30) * (1 + 1e-5)  # the weight is bounded, the length is bounded


def test_secure_sums_and_plain_means_agree():
    changes = [all_of(value) for value in (0.01, 0.03, -0.02, 0.05)]
    plain, _ = rounds_by_hand([sender(change) for change in changes], ZERO, least=3)
    masked, _ = rounds_by_hand(
        [sender(change, masked=True) for change in changes], ZERO, least=3, aggregate="secagg"
    )
    # A weighed change is cut to 22 bits of [-1, 1]; 10 images of the heaviest 1,000 make 100 steps of it.
    np.testing.assert_allclose(masked[0], plain[0], atol=2 / 2**22 * 1000 / 10)


OFF = """
import os, sys
os.environ["FLWR_TELEMETRY_ENABLED"] = "1"
os.environ.pop("FLWR_DISABLE_UPDATE_CHECK", None)
import phasekey.federated.flower.server
from flwr.supercore import telemetry
assert telemetry.FLWR_TELEMETRY_ENABLED == "0"
assert os.environ["FLWR_DISABLE_UPDATE_CHECK"] == "1"
"""


def test_telemetry_and_the_look_for_updates_are_off_before_the_import():
    subprocess.run([sys.executable, "-c", OFF], check=True, env=os.environ.copy())
