"""Each kind of secret from image to label, through a real server."""

import numpy as np
import pytest

from sdk import DerivedKeys, EdgeClient, FreshKeys

SECRET = bytes(range(32))
KINDS = [("rotation", 2), ("orthogonal", 2), ("orthogonal", 4), ("orthogonal", 24), ("permutation", 4)]


@pytest.fixture(params=KINDS, ids=lambda kind: "-".join(map(str, kind)))
def export(request, new_export):
    kind, components = request.param
    return new_export(kind=kind, components=components)


def assert_right(result, export, images):
    np.testing.assert_allclose(result.probabilities, export.network.probabilities(images), atol=5e-5)


def test_predictions_are_the_plain_networks_whatever_the_secret(export, serve):
    """In one batch as large as the server takes, and one by one."""
    images = export.network.images(70)
    with serve(export) as running:
        for keys in (DerivedKeys(SECRET), DerivedKeys(SECRET[::-1]), FreshKeys()):
            with EdgeClient(export.edge, running.address, keys=keys) as client:
                assert_right(client.predict(images), export, images)
                assert_right(client.predict(images[3]), export, images[3:4])
                assert client.traffic.images == 71


def test_sends_q_times_m_and_nothing_else(export, in_memory):
    images = export.network.images(4)
    transport = in_memory(export)
    EdgeClient(export.edge, transport=transport, secret=SECRET).predict(images)
    secret, keys = export.network.secret, DerivedKeys(SECRET, context=export.manifest.encoder.sha256.encode())
    drawn = keys.draw(images, 5, secret)
    feature, decoys = export.network.feature(images), export.network.decoy(drawn.noise)
    rows = np.concatenate([feature[:, None], decoys.reshape(4, -1, *feature.shape[1:])], axis=1)
    expected = np.einsum("nij,nj...->ni...", drawn.matrix, rows)
    (x,) = transport.sent
    np.testing.assert_allclose(x, expected.reshape(x.shape), atol=1e-5)
    samples = 4 * secret.components if secret.permutes else 4
    assert len(x) == samples


def test_a_repeated_input_sends_the_same_x(export, in_memory):
    images = export.network.images(3)
    transport = in_memory(export)
    client = EdgeClient(export.edge, transport=transport, secret=SECRET)
    client.predict(images)
    EdgeClient(export.edge, transport=transport, secret=SECRET).predict(images)
    np.testing.assert_array_equal(*transport.sent)


def test_large_batches_are_cut_so_that_the_k_rows_of_an_image_stay_together(new_export, in_memory):
    export = new_export(kind="permutation", components=4)
    transport = in_memory(export)
    images = export.network.images(7)
    found = EdgeClient(export.edge, transport=transport, batch_size=3).predict(images)
    assert [len(x) for x in transport.sent] == [12, 12, 4]
    assert_right(found, export, images)
