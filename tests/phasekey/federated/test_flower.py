"""Rounds through Flower's own workflows in one process: only where Flower is, see docs/adr/0095."""

import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from phasekey.federated.errors import FederatedError
from phasekey.federated.running import Job
from phasekey.federated.settings import Rounds, Terms
from phasekey.federated.simulation import gather, simulate_here
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
    """Run rounds; the checkpoint that came out, and what was said."""

    def call(aggregate, *, clients=4, min_clients=3, number=1, thawed=False):
        said = []
        dealt = gather(dataset, clients, "iid", 0)
        rounds = Rounds(number, clients, min_clients, deadline=20, aggregate=aggregate, wait=2)
        terms = Terms(lr=0.05, clip_norm=2.0, thawed=thawed)
        path = simulate_here(
            Job(start, dealt.public, rounds, terms, tmp_path / aggregate, said.append), dealt
        )
        return load_checkpoint(path), said

    return call


def test_two_rounds_improve_the_network_and_leave_the_encoder(run, start):
    before, (after, said) = load_checkpoint(start), run("secagg", number=2)
    assert len(said) == 2
    facts = after.facts["federated"]
    assert (facts["rounds"], facts["devices"], facts["aggregate"]) == (2, 4, "secagg")
    assert after.facts["test_accuracy_plain"] > 0.8
    for name, value in before.network.encoder.state_dict().items():
        assert torch.equal(value, after.network.encoder.state_dict()[name])


def test_a_run_that_was_cut_off_goes_on_with_the_round_after(run):
    run("plain")
    after, said = run("plain", number=3)
    assert [line.split(":")[0] for line in said] == ["round 2/3", "round 3/3"]
    assert after.facts["federated"]["rounds"] == 3
    assert run("plain", number=3)[1] == []


def test_the_encoder_learns_in_the_rounds_that_are_thawed_and_in_no_others(run):
    """A slow cadence: the same run goes on with --thaw-encoder for a round, and then without."""

    def encoder(number, *, thawed):
        after, _ = run("plain", number=number, thawed=thawed)
        return torch.cat([value.flatten() for value in after.network.encoder.parameters()])

    first, thawed, last = encoder(1, thawed=False), encoder(2, thawed=True), encoder(3, thawed=False)
    assert not torch.equal(first, thawed)
    assert torch.equal(thawed, last)


def test_the_result_of_another_run_is_not_overwritten(run, start):
    run("plain")
    checkpoint = load_checkpoint(start)
    save_checkpoint(start, replace(checkpoint, facts={"another": True}))
    with pytest.raises(FederatedError, match="not of a run from"):
        run("plain")


def test_a_secure_sum_of_two_is_refused(run):
    with pytest.raises(FederatedError, match="3 devices or more"):
        run("secagg", clients=2, min_clients=2)


def rounds_by_hand(apps, weights, *, min_clients, clip_norm=1.0, number=1, clients=None, **ways):
    """What rounds of these devices come to."""
    import phasekey.federated.flower  # noqa: F401 - telemetry off first
    from phasekey.federated.flower.in_process import FIRST_DEVICE, SERVER, InProcessGrid, new_context
    from phasekey.federated.flower.server import run_rounds

    seen = []
    ways = {"aggregate": "plain", "deadline": 0.5, "wait": 0.1, **ways}
    rounds = Rounds(number, clients or len(apps), min_clients, **ways)
    grid = InProcessGrid(dict(enumerate(apps, start=FIRST_DEVICE)))
    weights = run_rounds(
        grid, new_context(SERVER), weights, Terms(clip_norm=clip_norm), rounds,
        lambda facts, _: seen.append(facts),
    )  # fmt: skip
    return weights, seen


def sender(change, *, count=10, masked=False):
    """The app of a device that sends what it is told to."""
    from flwr.app import Message, RecordDict
    from flwr.client import NumPyClient
    from flwr.client.mod import secaggplus_mod
    from flwr.clientapp import ClientApp

    import phasekey.federated.flower  # noqa: F401
    from phasekey.federated.flower.device import MEET

    class Sender(NumPyClient):
        def fit(self, parameters, config):
            if change is None:
                raise RuntimeError("out of battery")
            return change, count, {}

    app = ClientApp(client_fn=lambda context: Sender().to_client(), mods=[secaggplus_mod] if masked else [])

    def call(message, context):
        ready = message.metadata.message_type == MEET
        return Message(RecordDict(), reply_to=message) if ready else app(message, context)

    return call


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
    weights, (facts,) = rounds_by_hand([*good, sender(BAD[name])], ZERO, min_clients=3)
    np.testing.assert_allclose(weights[0], 0.1, rtol=1e-5)
    assert (facts.taken, facts.refused) == (3, 1)


def silent(app, message_type):
    """A device that never answers messages of a type."""
    return lambda message, context: (
        None if message.metadata.message_type == message_type else app(message, context)
    )


@pytest.mark.parametrize("aggregate", ["plain", "secagg"])
def test_a_device_that_never_answers_is_not_waited_for_for_ever(aggregate):
    masked = aggregate == "secagg"
    apps = [sender(all_of(0.1), count=500, masked=masked) for _ in range(3)]
    gone = silent(sender(all_of(5.0), masked=masked), "train")
    weights, (facts,) = rounds_by_hand([*apps, gone], ZERO, min_clients=3, aggregate=aggregate)
    np.testing.assert_allclose(weights[1], 0.1, rtol=1e-3)
    assert facts.taken == 3


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_a_device_that_drops_out_of_a_secure_sum_leaves_the_sum_of_the_others(steps):
    """After its keys, its shares or its masked vector; with that, its change is in the sum as well."""
    left = iter([True] * (1 + steps) + [False] * 9)  # the first message brings the network
    app = sender(all_of(0.5), count=500, masked=True)
    leaves = lambda message, context: app(message, context) if next(left) else None  # noqa: E731
    apps = [sender(all_of(0.1), count=500, masked=True) for _ in range(4)]
    weights, (facts,) = rounds_by_hand([*apps, leaves], ZERO, min_clients=3, aggregate="secagg", clip_norm=9)
    taken = [0.1] * 4 + [0.5] * (steps == 3)
    np.testing.assert_allclose(weights[1], np.mean(taken), rtol=1e-3)
    assert facts.taken == len(taken)


def test_a_malformed_masked_vector_loses_the_round_and_not_the_run():
    """Of other shapes, in the clear sum; the next round, without it, is made."""
    from phasekey.federated.flower.device import MEET

    rounds = iter([True] + 9 * [False])
    wrong, right = (
        sender(change, masked=True) for change in ([np.zeros((3, 3), np.float32)] * 2, all_of(0.1))
    )
    state = {}

    def changes(message, context):
        if message.metadata.message_type == MEET or message.metadata.group_id not in state:
            state[message.metadata.group_id] = wrong if next(rounds) else right
        return state[message.metadata.group_id](message, context)

    apps = [sender(all_of(0.1), masked=True) for _ in range(3)]
    _, seen = rounds_by_hand([*apps, changes], ZERO, min_clients=3, aggregate="secagg", number=2)
    assert [facts.number for facts in seen] == [2]


def test_too_few_updates_change_nothing():
    weights, seen = rounds_by_hand([sender(all_of(0.1)), sender(None), sender(None)], ZERO, min_clients=2)
    np.testing.assert_array_equal(weights[0], ZERO[0])
    assert seen == []


def test_too_few_devices_end_the_run_after_the_wait():
    with pytest.raises(FederatedError, match="1 are ready of the 2"):
        rounds_by_hand([sender(all_of(0.1))], ZERO, min_clients=2, clients=3)


def test_a_scaled_update_counts_no_more_than_its_clipped_share():
    apps = [*[sender(all_of(0.0)) for _ in range(3)], sender(all_of(1e6), count=10**9)]
    weights, _ = rounds_by_hand(apps, ZERO, min_clients=3)
    moved = np.sqrt(sum(np.square(part).sum() for part in weights))
    assert moved <= 1000 / (1000 + 30) * (1 + 1e-5)  # the weight is bounded, the length is bounded


@pytest.mark.parametrize("strategy", ["median", "trimmed-mean", "krum"])
def test_a_robust_strategy_bears_one_bad_device_in_seven(strategy):
    """Its update is as long as any may be, and points the other way; the mean is led astray."""
    good = [sender(all_of(0.1 + 0.001 * number)) for number in range(6)]
    apps = [*good, sender(all_of(-1e3), count=1000)]
    weights, _ = rounds_by_hand(apps, ZERO, min_clients=7, strategy=strategy)
    np.testing.assert_allclose(weights[0], 0.1, atol=0.01)
    astray, _ = rounds_by_hand(apps, ZERO, min_clients=7)
    assert astray[0].max() < 0


def device_with(change, aggregate="dp"):
    """A real device whose training comes to a change."""
    import phasekey.federated.flower  # noqa: F401
    from phasekey.federated.flower.device import MEET, Device

    device = Device(lambda _: None, aggregate)
    device.fit = lambda weights, config: (change, 10)
    ready = sender(change)

    def call(message, context):
        return (ready if message.metadata.message_type == MEET else device)(message, context)

    return call


def test_noise_is_what_the_accountant_asks_for_and_the_budget_is_never_passed():
    """Analytically: Gaussian noise of s clip norms costs r / (2 s²) at Rényi order r, each round."""
    from phasekey.federated.flower.private import noise_multiplier

    rounds = Rounds(3, 4, 4, aggregate="dp", epsilon=8.0, delta=1e-5)
    multiplier = noise_multiplier(rounds)
    orders = np.arange(1.01, 100, 0.01)
    # Canonne, Kamath and Steinke 2020, proposition 12.
    epsilon = 3 * orders / (2 * multiplier**2) + np.log1p(-1 / orders)
    epsilon -= (np.log(rounds.delta) + np.log(orders)) / (orders - 1)
    assert epsilon.min() == pytest.approx(8.0, rel=0.02)

    large = [np.zeros((100, 100), np.float32)]
    apps = [device_with([np.full((100, 100), 1e-9, np.float32)]) for _ in range(4)]
    weights, seen = rounds_by_hand(apps, large, min_clients=4, aggregate="dp", number=3)
    assert [facts.epsilon for facts in seen] == sorted(facts.epsilon for facts in seen)
    assert 7.9 < seen[-1].epsilon <= 8.0
    assert weights[0].std() == pytest.approx(multiplier / 4 * 3**0.5, rel=0.05)


@pytest.mark.parametrize("name", ["nan", "wrong shapes", "too few arrays"])
def test_a_private_round_is_of_all_devices_or_of_none(name):
    apps = [device_with(all_of(0.1)) for _ in range(3)]
    for last in (device_with(BAD[name]), sender(None)):
        weights, seen = rounds_by_hand([*apps, last], ZERO, min_clients=4, aggregate="dp")
        np.testing.assert_array_equal(weights[0], ZERO[0])
        assert seen == []


def test_a_device_refuses_a_server_that_wants_its_updates_another_way(start, dataset):
    import phasekey.federated.flower  # noqa: F401
    from phasekey.federated.flower.device import Device, Holding
    from phasekey.federated.running import as_sent

    network = as_sent(load_checkpoint(start))
    device = Device(lambda _: Holding(dataset.train, "none", 0), "secagg")
    agreed = {"aggregate": "secagg", "thawed": False, "checkpoint": network}
    for change in ({"aggregate": "plain"}, {"thawed": True}):
        with pytest.raises(FederatedError):
            device._meet({**agreed, **change})
    device._meet(agreed)
    other = load_checkpoint(start)
    next(other.network.encoder.parameters()).data += 1
    with pytest.raises(FederatedError, match="another than this device began with"):
        device._meet({**agreed, "checkpoint": as_sent(other)})


def test_secure_sums_and_plain_means_agree():
    changes = [all_of(value) for value in (0.01, 0.03, -0.02, 0.05)]
    plain, _ = rounds_by_hand([sender(change) for change in changes], ZERO, min_clients=3)
    masked, _ = rounds_by_hand(
        [sender(change, masked=True) for change in changes], ZERO, min_clients=3, aggregate="secagg"
    )
    # A weighed change is cut to 22 bits of [-1, 1]; 10 images of the max_examples 1,000 make 100 steps of it.
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
