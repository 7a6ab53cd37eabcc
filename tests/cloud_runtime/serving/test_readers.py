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


class Reader:
    """Notes that it began, and that it was given up."""

    def __init__(self, client, label="", begun=None):
        self.client, self.reads, self._label, self._begun = (
            client,
            None,
            label,
            [] if begun is None else begun,
        )
        self.cut = threading.Event()

    def start(self):
        self._begun.append(self._label)

    def cancel(self):
        self.cut.set()


def begin(readers, names):
    """Have clients ask for a place each; gives them and, as it grows, who has begun to read."""
    begun = []
    made = [Reader(name, f"{name}{index}", begun) for index, name in enumerate(names)]
    for reader in made:
        readers.begin(reader)
    return made, begun


def test_one_client_gets_half_of_the_places(make_readers):
    readers = make_readers(4, 60)
    places, begun = begin(readers, "aaab")
    assert begun == ["a0", "a1", "b3"]  # the third of a waits, though a place is free
    readers.end(places[3])
    assert begun == ["a0", "a1", "b3"]
    readers.end(places[0])
    assert begun == ["a0", "a1", "b3", "a2"]


def test_a_place_that_is_given_back_goes_to_the_first_in_line_that_may_have_it(make_readers):
    readers = make_readers(2, 60)
    places, begun = begin(readers, "abab")
    assert begun == ["a0", "b1"]
    readers.end(places[1])
    assert begun == ["a0", "b1", "b3"]
    readers.end(places[1])  # once more gives nobody a place
    readers.end(places[0])
    assert begun == ["a0", "b1", "b3", "a2"]


def test_who_leaves_the_line_never_begins(make_readers):
    readers = make_readers(2, 60)
    places, begun = begin(readers, "aaa")
    readers.end(places[1])
    readers.end(places[0])
    assert begun == ["a0", "a2"]


def test_a_client_that_trickles_is_cut_off(make_readers):
    reader = Reader("a", "a", [])
    make_readers(4, 0.1).begin(reader)
    assert reader.cut.wait(30)
