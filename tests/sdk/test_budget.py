"""The budget of nats: spent by new inputs alone, over restarts, and never beyond its end."""

import dataclasses

import pytest

from phasekey.bundle import write_manifest
from sdk import BudgetExhausted, EdgeClient, FreshKeys, SdkError

SECRET = bytes(range(32))
NATS = 0.28


@pytest.fixture
def export(new_export):
    """A bundle that states a bound; the small network keeps no such promise, but the client cannot know."""
    written = new_export(kind="orthogonal", components=24)
    guarantee = {
        **{"kind": "nats", "nats_per_transmission": NATS, "feature_values": 12, "sigma": 2.0},
        **{"components": 24, "assumptions": "Matrix and decoys follow from the key."},
    }
    manifest = dataclasses.replace(written.manifest, guarantee=guarantee)
    write_manifest(written.edge, manifest)
    return dataclasses.replace(written, manifest=manifest)


@pytest.fixture
def opened(export, in_memory, tmp_path):
    """Open a client on one store: opened(budget=5.0)."""
    transport = in_memory(export)

    def make(**options):
        kept = {"secret": SECRET, "store": tmp_path / "device.db"}
        return EdgeClient(export.edge, transport=transport, **{**kept, **options})

    make.sent = transport.sent
    return make


def test_new_inputs_spend_and_repeats_are_free_over_restarts(export, opened):
    images = export.network.images(5)
    for _ in range(2):
        client = opened(budget=2.0)
        client.predict(images)
        client.predict(images[:2])
        assert client.spent == pytest.approx(5 * NATS)
        client.close()


def test_used_up_nothing_is_sent(export, opened):
    images = export.network.images(8)
    client = opened(budget=2.0)  # seven inputs at 0.28
    with pytest.raises(
        BudgetExhausted, match=r"budget of 2 nats is used up: .* takes 0\.28.* sent before are free"
    ):
        client.predict(images)
    assert opened.sent == []
    client.predict(images[:7])
    with pytest.raises(BudgetExhausted):
        client.predict(images)
    client.predict(images[:7])
    assert len(opened.sent) == 2
    assert client.spent == pytest.approx(7 * NATS)


def test_without_a_budget_a_store_counts_all_the_same(export, opened):
    client = opened()
    client.predict(export.network.images(30))
    assert client.spent == pytest.approx(30 * NATS)
    client.close()
    with pytest.raises(BudgetExhausted):
        opened(budget=5.0).predict(export.network.images(1, seed=9))


def test_a_drawn_secret_counts_for_its_own_life(export, opened):
    client = opened(secret=None, store=None, ephemeral=True, budget=1.0)
    client.predict(export.network.images(3))
    assert client.spent == pytest.approx(3 * NATS)
    with pytest.raises(BudgetExhausted):
        client.predict(export.network.images(1, seed=9))


def test_this_devices_own_secret_counts_beside_it(export, opened, tmp_path):
    own = {"secret": None, "store": None, "data_folder": tmp_path / "own"}
    for _ in range(2):
        client = opened(**own, budget=1.0)
        client.predict(export.network.images(3))
        assert client.spent == pytest.approx(3 * NATS)
    assert (tmp_path / "own" / f"spent-{export.manifest.encoder.sha256[:12]}.db").is_file()


def test_another_secret_spends_anew(export, opened):
    images = export.network.images(2)
    opened().predict(images)
    client = opened(secret=SECRET[::-1])
    client.predict(images)
    assert client.spent == pytest.approx(4 * NATS)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"store": None, "budget": 1.0}, "with secret= give the file too"),
        ({"secret": None, "ephemeral": True, "budget": 1.0}, "in no file"),
        ({"secret": None, "store": None, "budget": 1.0, "keys": FreshKeys()}, "give secret=, not keys="),
        ({"budget": 0.0}, "above 0"),
        ({"budget": float("nan")}, "above 0"),
    ],
)
def test_arguments_that_do_not_go_together(opened, options, said):
    with pytest.raises(SdkError, match=said):
        opened(**options)


def test_a_bundle_without_a_bound_counts_nothing(small_export, in_memory):
    client = EdgeClient(small_export.edge, transport=in_memory(small_export))
    client.predict(small_export.network.images(1))
    assert client.spent is None
