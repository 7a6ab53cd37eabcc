"""Networks for each kind of secret, all the way: exported, proved, served, and predicted with a key."""

import numpy as np
import pytest
import torch

from export.pipeline import ExportOptions, export_network
from phasekey.model import build_network
from phasekey.served import running_server
from sdk import DerivedKeys, EdgeClient
from sdk.store import Store
from sdk.store.archive import pixels_of

SECRET = bytes(range(32))
LABELS = [str(digit) for digit in range(10)]
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 1), np.uint8)
BOUNDED = {
    **{"head": "norm-bottleneck", "width": 12, "decoy": "gaussian", "sigma": 3.0},
    **{"secret": "orthogonal", "components": 24},
}
CASES = {
    "bounded": (BOUNDED, "proved", "nats"),
    "orthogonal": ({"secret": "orthogonal", "components": 4}, "proved", None),
    "orthogonal archive": (
        {"secret": "orthogonal", "components": 4, "decoy": "archive"},
        "proved",
        "one-of-k",
    ),
    "canonical": (
        {"form": "canonical", "secret": "orthogonal", "components": 3, "decoy": "archive"},
        "proved",
        "one-of-k",
    ),
    "anonymous": (
        {"form": "original", "secret": "permutation", "components": 4, "decoy": "archive"},
        "samples-alike",
        "one-of-k",
    ),
}


@pytest.mark.parametrize(("case", "wire"), [*((case, None) for case in CASES), ("orthogonal", "int8")])
def test_predictions_through_a_server_are_those_of_pytorch(case, wire, tmp_path):
    settings, verdict, guarantee = CASES[case]
    torch.manual_seed(0)
    network = build_network("lenet", classes=10, image=(1, 32, 32), **settings).eval()
    if case == "canonical":
        network.processing.frame.steps = 3  # for a graph of a fourth of the nodes
    network.sampler.fit(torch.randint(0, 256, (70, 32, 32, 1), dtype=torch.uint8))
    manifest = export_network(network, LABELS, tmp_path / "bundle", ExportOptions(wire=wire))
    assert manifest.proof.verdict == verdict
    assert (manifest.guarantee or {}).get("kind") == guarantee
    if case == "bounded":
        assert_card_tells_the_bound(manifest, (tmp_path / "bundle" / "model-card.md").read_text())
    archive = {}
    if manifest.decoy.archived:
        archive = {"decoys": tmp_path / "decoys.db"}
        Store(archive["decoys"]).add(np.random.default_rng(9).integers(0, 256, (30, 32, 32, 1), np.uint8))
    with (
        running_server(tmp_path / "bundle" / "cloud") as address,
        EdgeClient(tmp_path / "bundle", address, secret=SECRET, **archive) as client,
    ):
        found = client.predict(IMAGES).probabilities
    with torch.no_grad():
        rows, matrix = what_was_hidden(network, manifest, archive)
        expected = network.answer(rows, matrix).softmax(1).numpy()
    # The wire rounds to float16, or to int8.
    np.testing.assert_allclose(found, expected, atol=5e-3 if wire is None else 0.1)


def what_was_hidden(network, manifest, archive):
    """M and Q as the client drew them, by PyTorch: (N, k, …) and (N, k, k)."""
    keys = DerivedKeys(SECRET, context=manifest.encoder.sha256.encode())
    drawn = keys.draw(IMAGES, network.noise_size, manifest.secret)
    count, decoys = len(IMAGES), network.components - 1
    if archive:
        store = Store(archive["decoys"])
        taken = store.reserve(keys.codes(IMAGES, manifest.secret), decoys=decoys)  # repeats all
        with store._file.transaction() as connection:
            images = pixels_of(connection, [decoy for one in taken for decoy in one.ids])
        made = network.encoder(to_pixels(images))
    elif network.decoy_source == "gaussian-features":
        made = network.sigma * torch.from_numpy(drawn.noise)
    else:
        made = network.encoder(network.sampler(torch.from_numpy(drawn.noise).reshape(count * decoys, -1)))
    feature = network.encoder(to_pixels(IMAGES))
    apart = made.reshape(count, decoys, *feature.shape[1:])
    return torch.cat([feature[:, None], apart], dim=1), torch.from_numpy(drawn.matrix)


def to_pixels(images):
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def assert_card_tells_the_bound(manifest, card):
    assert manifest.nats_per_transmission == pytest.approx(0.186, abs=0.001)
    assert "One transmission tells the cloud at most 0.19 nats about the image, 8 at most 1.5" in card
    assert "a repeat tells nothing more" in card
    assert "How far answers hang on the secret was not measured" in card
    assert "Equivariance of the processing graph under O(24), reflections too: **proved**" in card
