"""The store by itself: owner-only, whole or not at all, migrated, and used up one by one."""

import os
import sqlite3
import stat
import threading

import numpy as np
import pytest

from sdk.store import BudgetExhausted, DecoysExhausted, Store, StoreError
from sdk.store.schema import APPLICATION_ID, MIGRATIONS, VERSION


def images(count, seed=0, shape=(6, 6, 1)):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "device.db"


@pytest.fixture
def store(path):
    made = Store(path)
    made.add(images(12))
    yield made
    made.close()


def codes(*numbers):
    return [bytes([number]) * 32 for number in numbers]


def test_only_the_owner_can_read_it(store, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    os.chmod(path, 0o644)
    with pytest.raises(StoreError, match=r"can be read by others.*chmod 600"):
        Store(path)


def test_each_decoy_is_taken_once_and_a_repeat_takes_the_same(store):
    first, second = store.reserve(codes(1, 2), decoys=3)
    assert len({*first.ids, *second.ids}) == 6
    assert store.reserve(codes(2, 1, 2), decoys=3) == [second, first, second]
    assert store.decoys_left == 6


def test_it_is_all_there_after_a_restart(store, path):
    (taken,) = store.reserve(codes(1), decoys=3, nats=0.25, budget=1.0)
    store.close()
    again = Store(path)
    assert again.reserve(codes(1), decoys=3, nats=0.25, budget=1.0) == [taken]
    assert (again.spent, again.decoys_left, again.image_shape) == (0.25, 9, (6, 6, 1))


def test_used_up_says_how_many_predictions_the_images_give_and_takes_nothing(store):
    store.reserve(codes(1, 2), decoys=5)
    with pytest.raises(
        DecoysExhausted, match=r"12 images give 2 predictions .* at 5 decoys each, and 2 are left"
    ):
        store.reserve(codes(3), decoys=5)
    assert store.decoys_left == 2
    store.reserve(codes(1), decoys=5)  # a repeat goes on


def test_a_batch_is_reserved_whole_or_not_at_all(store):
    with pytest.raises(DecoysExhausted):
        store.reserve(codes(1, 2, 3, 4, 5), decoys=3, nats=1.0)
    assert (store.decoys_left, store.spent) == (12, 0.0)


def test_the_budget_is_spent_by_new_inputs_alone(store):
    for _ in range(3):
        store.reserve(codes(1, 2), nats=0.4, budget=1.0)
    assert store.spent == pytest.approx(0.8)
    with pytest.raises(BudgetExhausted, match=r"budget of 1 nats is used up: 0\.8 are spent, .* takes 0\.4"):
        store.reserve(codes(1, 3), nats=0.4, budget=1.0)
    assert store.spent == pytest.approx(0.8)
    store.reserve(codes(1), nats=0.4, budget=1.0)
    store.reserve(codes(3), nats=0.4, budget=1.2)


def test_a_budget_that_fits_exactly_is_used_whole(store):
    for number in range(10):
        store.reserve(codes(number), nats=0.1, budget=1.0)
    with pytest.raises(BudgetExhausted):
        store.reserve(codes(11), nats=0.1, budget=1.0)


def test_an_image_is_packed_once(store):
    assert store.add(images(12)) == 0
    assert store.add(images(15)) == 3
    assert store.decoys_left == 15


def test_another_size_is_refused_and_nothing_of_that_batch_is_added(store):
    with pytest.raises(StoreError, match=r"6 × 6 × 1 .*; this one is of 5 × 5 × 1"):
        store.add([*images(2, seed=5), *images(1, shape=(5, 5, 1))])
    assert store.decoys_left == 12


def test_decoys_are_not_taken_in_the_order_of_packing(path):
    store = Store(path)
    store.add(images(100))
    taken = [store.reserve(codes(number), decoys=1)[0].ids[0] for number in range(100)]
    assert sorted(taken) == list(range(1, 101))
    assert np.abs(np.corrcoef(taken, np.arange(100))[0, 1]) < 0.6  # 6 standard deviations; 1 in the order


def test_threads_share_the_decoys_and_never_one_of_them(path):
    Store(path).add(images(240, seed=3))
    found, errors = [], []

    def work(start):
        try:
            own = Store(path) if start % 2 else shared
            found.extend(
                taken.ids
                for n in range(start * 10, start * 10 + 10)
                for taken in own.reserve(codes(n), decoys=3)
            )
        except Exception as error:  # shown by the assertion below
            errors.append(error)

    shared = Store(path)
    threads = [threading.Thread(target=work, args=(start,)) for start in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(found) == 80
    assert len({decoy for ids in found for decoy in ids}) == 240


# Films


def bursts(store, count, frames, seed=50):
    for number in range(count):
        store.add_burst(list(images(frames, seed=seed + number)))


def test_frame_i_of_a_film_is_hidden_by_frame_i_of_each_burst(store):
    bursts(store, 4, 5)
    film = store.start_film(b"s" * 32, 3)
    taken = [store.reserve_frames(codes(100 + at), film)[0] for at in range(5)]
    with sqlite3.connect(store.path) as raw:
        rows = [
            raw.execute("SELECT burst, frame FROM decoys WHERE id = ?", (i,)).fetchone() for i in taken[2].ids
        ]
        all_bursts = [
            [raw.execute("SELECT burst FROM decoys WHERE id = ?", (i,)).fetchone()[0] for i in one.ids]
            for one in taken
        ]
    assert [frame for _, frame in rows] == [2, 2, 2]
    assert all(burst == all_bursts[0] for burst in all_bursts)
    assert len(set(all_bursts[0])) == 3
    assert {one.seed for one in taken} == {b"s" * 32}
    assert store.decoys_left == 12  # single ones stay


def test_a_film_that_is_longer_than_its_bursts_is_told(store):
    bursts(store, 2, 3)
    film = store.start_film(b"s" * 32, 2)
    store.reserve_frames(codes(1, 2, 3), film)
    with pytest.raises(DecoysExhausted, match="bursts have 3 frames, and as many were sent"):
        store.reserve_frames(codes(4), film)
    assert store.reserve_frames(codes(2), film)[0].ids  # a repeat


def test_each_burst_hides_one_film(store):
    bursts(store, 3, 2)
    store.start_film(b"s" * 32, 2)
    with pytest.raises(DecoysExhausted, match="a film takes 2 of 1 frames or more, and 1 are left"):
        store.start_film(b"t" * 32, 2)


def test_a_burst_with_a_known_frame_is_left_out(store):
    frames = list(images(3, seed=9))
    assert store.add_burst(frames) == 3
    assert store.add_burst([*images(2, seed=10), frames[1]]) == 0


# Prepared features


def test_prepared_features_are_used_and_the_others_encoded(store):
    encoded = []

    def encode(pixels):
        encoded.append(len(pixels))
        return pixels.reshape(len(pixels), -1)[:, :4].astype(np.float32)

    assert store.prepare(6, b"e", encode) == 6
    assert store.prepare(6, b"e", encode) == 6
    assert encoded == [6]
    first, second, third = (taken.ids for taken in store.reserve(codes(1, 2, 3), decoys=3))
    found = store.features([*first, *second], b"e", (4,), encode)
    assert encoded == [6]
    np.testing.assert_array_equal(found, store.features([*first, *second], b"other", (4,), encode))
    assert encoded == [6, 6]
    store.features([*second, *third], b"e", (4,), encode)
    assert encoded == [6, 6, 3]


# The file


def old_store(path, version):
    raw = sqlite3.connect(path)
    for script in MIGRATIONS[:version]:
        raw.executescript(script)
    raw.execute(f"PRAGMA user_version = {version}")
    raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    os.chmod(path, 0o600)
    return raw


def test_a_store_of_version_1_is_brought_up_to_date_with_all_it_holds(path):
    raw = old_store(path, 1)
    raw.execute("INSERT INTO transmissions VALUES (?, 0.5)", codes(1))
    raw.execute("INSERT INTO image VALUES (1, 6, 6, 1)")
    for number, pixels in enumerate(images(3)):
        taken = (codes(1)[0], number) if number < 2 else (None, None)
        raw.execute(
            "INSERT INTO decoys VALUES (?, ?, ?, ?, ?, ?)",
            (number + 1, bytes([number]), 7, pixels.tobytes(), *taken),
        )
    raw.commit()
    raw.close()
    store = Store(path)
    assert (store.spent, store.decoys_left) == (0.5, 1)
    assert store.reserve(codes(1), decoys=2)[0].ids == (1, 2)
    bursts(store, 1, 2)
    store.close()
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_a_store_of_version_2_keeps_its_films_and_gets_crowds(path):
    raw = old_store(path, 2)
    raw.execute("INSERT INTO image VALUES (1, 6, 6, 1)")
    raw.execute("INSERT INTO films VALUES (1, x'05', 1)")
    raw.execute("INSERT INTO transmissions VALUES (?, 0.0, 1)", codes(1))
    columns = "(id, fingerprint, turn, pixels, taken_by, place)"
    for number, taken in enumerate([codes(1)[0], None]):
        row = (number + 1, bytes([number]), 7, images(1).tobytes(), taken, 0)
        raw.execute(f"INSERT INTO decoys {columns} VALUES (?, ?, ?, ?, ?, ?)", row)  # noqa: S608
    raw.commit()
    raw.close()
    store = Store(path)
    (of_film,) = store.reserve(codes(1), decoys=1)
    assert (of_film.ids, of_film.seed, of_film.seat) == ((1,), b"\x05", None)
    alone, seated = store.reserve_crowd(codes(1, 2), 2, b"".join, lambda *_: b"x of the crowd")
    assert alone == of_film
    assert (seated.seat.row, seated.seat.x, store.decoys_left) == (0, b"x of the crowd", 0)


def test_a_crowd_that_cannot_be_filled_up_is_not_assigned(store):
    with pytest.raises(DecoysExhausted):
        store.reserve_crowd(codes(*range(14)), 27, b"".join, lambda *_: b"")
    assert store.decoys_left == 12
    (alone,) = store.reserve(codes(3), decoys=3)
    assert alone.seat is None


def test_a_store_of_a_later_version_says_what_to_do(path):
    raw = old_store(path, VERSION)
    raw.execute(f"PRAGMA user_version = {VERSION + 1}")
    raw.commit()
    raw.close()
    with pytest.raises(
        StoreError, match=rf"version {VERSION + 1}; this phasekey reads up to {VERSION}\. Update"
    ):
        Store(path)


def test_what_is_no_store_is_refused_and_left_alone(path, tmp_path):
    path.write_bytes(b"some other file, of some length " * 100)
    path.chmod(0o600)
    with pytest.raises(StoreError, match="damaged, or no store"):
        Store(path)
    assert path.read_bytes().startswith(b"some other file")
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as raw:
        raw.execute("CREATE TABLE theirs (a)")
    other.chmod(0o600)
    with pytest.raises(StoreError, match="SQLite file of something else"):
        Store(other)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "nowhere" / "store.db")


def test_no_input_is_in_the_file_and_a_closed_store_says_so(store, path):
    store.reserve(codes(1), decoys=3)
    store.close()
    with pytest.raises(StoreError):
        store.reserve(codes(2), decoys=3)
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("SELECT code, nats FROM transmissions").fetchall() == [(codes(1)[0], 0.0)]
