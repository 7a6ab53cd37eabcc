import threading

import pytest

from cloud_runtime.serving.readers import Readers


@pytest.fixture
def make_readers():
    made = []

    def make(*arguments):
        made.append(Readers(*arguments))
        return made[-1]

    yield make
    for readers in made:
        readers.stop()


def test_one_client_gets_half_of_the_places(make_readers):
    readers, inside, go = make_readers(4, 60), threading.Semaphore(0), threading.Event()

    def read(client):
        with readers.reading(client, lambda: None):
            inside.release()
            assert go.wait(30)

    threads = [threading.Thread(target=read, args=(client,)) for client in ("a", "a", "a", "b")]
    for thread in threads:
        thread.start()
    for _ in range(3):
        assert inside.acquire(timeout=30)
    assert not inside.acquire(timeout=0.05)  # the third of a waits, though a place is free
    go.set()
    for thread in threads:
        thread.join(30)
    assert inside.acquire(timeout=30)


def test_a_client_that_trickles_is_cut_off(make_readers):
    readers, cut = make_readers(4, 0.1), threading.Event()
    with readers.reading("a", cut.set):
        assert cut.wait(30)


def test_a_read_that_fails_gives_its_place_back(make_readers):
    readers = make_readers(1, 60)
    for _ in range(3):
        with pytest.raises(KeyError), readers.reading("a", lambda: None):
            raise KeyError
