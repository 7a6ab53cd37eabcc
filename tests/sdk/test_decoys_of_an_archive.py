"""EdgeClient with an archive of decoys: through a real server, repeats, films, crowds, and running out."""

import threading

import numpy as np
import pytest

from phasekey.graph_runtime import GraphSession
from sdk import DecoysExhausted, DerivedKeys, EdgeClient, SdkError
from sdk.store import Store

SECRET = bytes(range(32))
K = 4


@pytest.fixture(params=["permutation", "orthogonal"])
def export(request, new_export):
    return new_export(kind=request.param, components=K, archive=True)


@pytest.fixture
def permuted(new_export):
    return new_export(kind="permutation", components=K, archive=True)


@pytest.fixture
def archive(tmp_path):
    """Give an archive of 30 private images, which no test sends as inputs."""
    path = tmp_path / "decoys.db"
    store = Store(path)
    store.add(private(30))
    store.close()
    return path


def private(count, seed=99):
    return np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 1), np.uint8)


def assert_right(result, export, images):
    np.testing.assert_allclose(result.probabilities, export.network.probabilities(images), atol=5e-5)


def rows_of(x, export):
    """The features that a permuted x shows, as indices into inputs and private images."""
    return x.reshape(-1, K, *x.shape[1:])


def test_predicts_through_a_real_server(export, archive, serve):
    images = export.network.images(7)
    with (
        serve(export) as running,
        EdgeClient(export.edge, running.address, secret=SECRET, decoys=archive) as client,
    ):
        assert_right(client.predict(images), export, images)
        assert_right(client.predict(images[2:3]), export, images[2:3])
    assert Store(archive).decoys_left == 30 - 7 * 3


def test_the_input_goes_out_among_three_private_images_each_once(permuted, archive, in_memory):
    images, transport = permuted.network.images(8), in_memory(permuted)
    EdgeClient(permuted.edge, transport=transport, secret=SECRET, decoys=archive).predict(images)
    features = permuted.network.feature(np.concatenate([images, private(30)]))
    sent = rows_of(transport.sent[0], permuted)
    which = np.array(
        [[np.abs(features - row).reshape(38, -1).max(1).argmin() for row in rows] for rows in sent]
    )
    assert [sorted(rows)[0] for rows in which] == list(range(8))
    decoys = [row for rows in which for row in rows if row >= 8]
    assert len(set(decoys)) == len(decoys) == 24
    places = [list(rows).index(at) for at, rows in enumerate(which)]
    assert len(set(places)) > 1


def test_a_repeat_sends_the_same_x_after_a_restart_too_and_uses_nothing_up(export, archive, in_memory):
    images, transport = export.network.images(3), in_memory(export)
    for _ in range(2):
        client = EdgeClient(export.edge, transport=transport, secret=SECRET, decoys=archive)
        client.predict(images)
        client.predict(images)
        client.close()
    for x in transport.sent[1:]:
        np.testing.assert_array_equal(x, transport.sent[0])
    assert Store(archive).decoys_left == 21


def test_used_up_nothing_is_sent_and_repeats_go_on(export, archive, in_memory):
    images, transport = export.network.images(11), in_memory(export)
    client = EdgeClient(export.edge, transport=transport, secret=SECRET, decoys=archive)
    with pytest.raises(
        DecoysExhausted, match=r"30 images give 10 predictions of new inputs at 3 decoys each"
    ):
        client.predict(images)
    assert transport.sent == []
    client.predict(images[:10])
    with pytest.raises(DecoysExhausted, match="0 are left"):
        client.predict(images[10])
    assert len(transport.sent) == 1
    assert_right(client.predict(images[:10]), export, images[:10])


def test_decoys_are_marked_before_x_leaves_even_if_the_server_fails(export, archive, in_memory):
    transport, seen = in_memory(export), []

    def fail(x):
        seen.append(Store(archive).decoys_left)
        raise SdkError("gone")

    transport.infer = fail
    client = EdgeClient(export.edge, transport=transport, secret=SECRET, decoys=archive)
    for _ in range(2):  # the second try is a repeat
        with pytest.raises(SdkError, match="gone"):
            client.predict(export.network.images(2))
    assert seen == [24, 24]


def test_prepared_decoys_cost_no_pass_of_the_encoder(export, archive, in_memory, monkeypatch):
    images, transport = export.network.images(4), in_memory(export)
    client = EdgeClient(export.edge, transport=transport, secret=SECRET, decoys=archive)
    assert client.prepare(4) == 4
    encoded = count_encoded(monkeypatch)
    assert_right(client.predict(images), export, images)
    assert encoded == [1, 1, 1, 1]
    assert client.prepare(100) == 6  # all that are left
    other = EdgeClient(export.edge, transport=transport, secret=SECRET, decoys=archive)
    other.predict(images)
    np.testing.assert_array_equal(transport.sent[1], transport.sent[0])


def count_encoded(monkeypatch):
    """Give a list that grows by the number of images of each pass of the encoder."""
    sizes, run = [], GraphSession.run

    def counted(self, feeds):
        sizes.extend(len(array) for name, array in feeds.items() if name == "image")
        return run(self, feeds)

    monkeypatch.setattr(GraphSession, "run", counted)
    return sizes


def test_rows_are_encoded_alike_whatever_the_batch(export, archive, in_memory, monkeypatch):
    """In a batch of another size last bits may differ; in the input's row alone they would point at it."""
    images, encoded = export.network.images(8), count_encoded(monkeypatch)
    client = EdgeClient(export.edge, transport=in_memory(export), secret=SECRET, decoys=archive)
    client.prepare(2)
    client.predict(images[:3])
    client.predict(images[0])
    client.predict(images[3:], crowd=True)
    assert encoded
    assert set(encoded) == {1}


@pytest.mark.parametrize("kind", ["permutation", "orthogonal"])
def test_a_film_goes_out_among_films_in_one_order(new_export, archive, in_memory, kind):
    export = new_export(kind=kind, components=K, archive=True)
    store = Store(archive)
    for number in range(6):
        store.add_burst(list(private(5, seed=200 + number)))
    transport, frames = in_memory(export), export.network.images(5)
    client = EdgeClient(export.edge, transport=transport, secret=SECRET, decoys=archive)
    with client.session() as film:
        first = film.predict(frames[:3])
        assert_right(first, export, frames[:3])
        assert_right(film.predict(frames[3:]), export, frames[3:])
        with pytest.raises(DecoysExhausted, match="5 frames"):
            film.predict(export.network.images(1, seed=5))
    with pytest.raises(SdkError, match="has ended"):
        film.predict(frames[0])
    client.predict(frames[:3])  # a repeat, outside of the film
    np.testing.assert_array_equal(transport.sent[2], transport.sent[0])
    if kind == "permutation":
        feature = export.network.feature(frames)
        sent = np.concatenate([rows_of(x, export) for x in transport.sent[:2]])
        places = [np.abs(sent[at] - feature[at]).reshape(K, -1).max(1).argmin() for at in range(5)]
        assert len(set(places)) == 1
    assert store.decoys_left == 30


def test_a_crowd_hides_real_inputs_among_each_other_at_the_plain_cost(export, archive, in_memory):
    transport, images = in_memory(export), export.network.images(10)
    client = EdgeClient(export.edge, transport=transport, secret=SECRET, decoys=archive)
    assert_right(client.predict(images, crowd=True), export, images)
    samples = sum(len(x) for x in transport.sent)
    assert samples == (3 * K if export.network.secret.permutes else 3)
    assert Store(archive).decoys_left == 30 - 2  # the last group is filled up
    client.predict(images, crowd=True)
    np.testing.assert_array_equal(transport.sent[1], transport.sent[0])
    assert Store(archive).decoys_left == 28


def test_a_crowd_with_the_same_image_twice_and_a_small_batch_size(permuted, archive, in_memory):
    transport, images = in_memory(permuted), permuted.network.images(9)
    client = EdgeClient(permuted.edge, transport=transport, secret=SECRET, decoys=archive, batch_size=1)
    twice = images[[0, 1, 2, 0, 3, 4, 5, 6, 7, 8, 8]]
    assert_right(client.predict(twice, crowd=True), permuted, twice)
    assert [len(x) for x in transport.sent] == [K, K, K]


def test_each_input_of_a_crowd_is_in_one_group(permuted, archive, in_memory):
    transport, images = in_memory(permuted), permuted.network.images(8)
    EdgeClient(permuted.edge, transport=transport, secret=SECRET, decoys=archive).predict(images, crowd=True)
    feature = permuted.network.feature(images)
    rows = transport.sent[0]
    which = [np.abs(feature - row).reshape(8, -1).max(1).argmin() for row in rows]
    assert sorted(which) == list(range(8))


def test_an_input_of_a_crowd_is_seen_in_no_other_company(export, archive, in_memory):
    """Neither in another crowd nor alone, after a restart too: both transmissions would show it."""
    transport, images = in_memory(export), export.network.images(12)
    rows = K if export.network.secret.permutes else 1

    def predict(some, **options):
        client = EdgeClient(export.edge, transport=transport, secret=SECRET, decoys=archive)
        assert_right(client.predict(some, **options), export, some)
        client.close()
        return transport.sent[-1]

    crowd = predict(images[:4], crowd=True)
    np.testing.assert_array_equal(predict(images[2:3]), crowd)
    np.testing.assert_array_equal(predict(images[[3, 0]]), crowd)  # once for both
    mixed = images[[1, 4, 5, 6, 7]]
    np.testing.assert_array_equal(predict(mixed, crowd=True)[:rows], crowd)
    assert len(transport.sent[-1]) == 2 * rows
    assert Store(archive).decoys_left == 30


def test_an_input_that_was_alone_joins_no_crowd(export, archive, in_memory):
    transport, images = in_memory(export), export.network.images(5)
    client = EdgeClient(export.edge, transport=transport, secret=SECRET, decoys=archive)
    client.predict(images[0])
    assert_right(client.predict(images, crowd=True), export, images)
    np.testing.assert_array_equal(transport.sent[1], transport.sent[0])
    assert len(transport.sent[2]) == (K if export.network.secret.permutes else 1)


def test_threads_that_race_put_each_input_into_one_transmission(permuted, archive, in_memory):
    """Alone and in crowds at once, each by a client of its own: whichever comes first, it stays."""
    transport, images = in_memory(permuted), permuted.network.images(16)
    orders = [np.random.default_rng(seed).permutation(16) for seed in range(6)]
    errors, more = [], private(100, seed=98)
    Store(archive).add(more)

    def work(number):
        client = EdgeClient(permuted.edge, transport=transport, secret=SECRET, decoys=archive)
        try:
            for some in np.split(images[orders[number]], 4):
                wanted = some[: 1 + number % 2 * 3]  # one alone, or four in a crowd
                assert_right(client.predict(wanted, crowd=number % 2 == 1), permuted, wanted)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    known = permuted.network.feature(np.concatenate([images, private(30), more])).reshape(146, -1)
    company = {}
    for rows in np.concatenate([rows_of(x, permuted) for x in transport.sent]).reshape(-1, K, known.shape[1]):
        which = [int(np.abs(known - row).max(axis=1).argmin()) for row in rows]
        for row in which:
            assert company.setdefault(row, which) == which


def test_a_crowd_through_a_real_server_pays_for_one_row_an_image(permuted, archive, serve):
    images = permuted.network.images(8)
    with (
        serve(permuted) as running,
        EdgeClient(permuted.edge, running.address, secret=SECRET, decoys=archive) as client,
    ):
        assert_right(client.predict(images, crowd=True), permuted, images)
        assert client.traffic.images == 8
        feature = permuted.network.feature(images).astype(np.float32).nbytes
        assert feature < client.traffic.bytes_up < feature + 200


def test_a_film_takes_bursts_that_are_long_enough(permuted, archive, in_memory):
    store = Store(archive)
    for number, frames in enumerate((2, 2, 2, 5, 5, 5)):
        store.add_burst(list(private(frames, seed=300 + number)))
    frames = permuted.network.images(5)
    client = EdgeClient(permuted.edge, transport=in_memory(permuted), secret=SECRET, decoys=archive)
    with client.session(frames=5) as film:
        assert_right(film.predict(frames), permuted, frames)
    with pytest.raises(DecoysExhausted, match="takes 3 of 3 frames or more, and 0 are left"):
        client.session(frames=3)


def test_arguments_that_do_not_go_together(export, new_export, archive, in_memory, tmp_path):
    transport = in_memory(export)
    drawing = new_export("drawing", kind="orthogonal", components=K)
    for bundle, options, said in [
        (export, {"secret": SECRET}, "give decoys='FILE', made by phasekey decoys pack"),
        (export, {"decoys": archive, "ephemeral": True}, "in no file"),
        (export, {"decoys": archive, "keys": DerivedKeys(SECRET)}, "give secret=, not keys="),
        (drawing, {"decoys": archive, "secret": SECRET}, "draws its decoys itself"),
        (export, {"decoys": archive, "store": archive, "secret": SECRET}, "give one, it keeps all"),
        (export, {"decoys": archive, "secret": SECRET, "budget": 5.0}, "states no bound in nats"),
    ]:
        with pytest.raises(SdkError, match=said):
            EdgeClient(bundle.edge, transport=transport, **options)
    other = tmp_path / "other.db"
    Store(other).add(np.zeros((1, 8, 8, 1), np.uint8))
    with pytest.raises(SdkError, match=r"images of 8 × 8 × 1 .*encoder takes 6 × 6 × 1"):
        EdgeClient(export.edge, transport=transport, secret=SECRET, decoys=other)
    client = EdgeClient(drawing.edge, transport=transport)
    for call in (client.session, lambda: client.prepare(1), lambda: client.predict(private(1), crowd=True)):
        with pytest.raises(SdkError, match="archive"):
            call()


def test_float_images_are_hidden_by_uint8_decoys(new_export, archive, in_memory):
    export = new_export(kind="permutation", components=K, archive=True, dtype="float32")
    transport, images = in_memory(export), export.network.images(2)
    client = EdgeClient(export.edge, transport=transport, secret=SECRET, decoys=archive)
    assert_right(client.predict(images), export, images)
    features = export.network.feature((private(30) / 255).astype(np.float32))
    sent = rows_of(transport.sent[0], export)[0]
    gaps = [np.abs(features - row).reshape(30, -1).max(1).min() for row in sent]
    assert sum(gap < 1e-5 for gap in gaps) == 3
