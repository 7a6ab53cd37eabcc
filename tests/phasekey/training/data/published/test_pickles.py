import os
import pickle

import numpy as np
import pytest

from phasekey.training.data.published.pickles import load_plain_pickle
from phasekey.training.errors import TrainingError

ARRAY = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_what_python_2_wrote_is_read_as_numpy_would(pickled):
    content = pickled({"data": ARRAY, "labels": [3, 300], "names": ["a", "b"], "batch_label": "x"})
    oracle = {key.decode(): value for key, value in pickle.loads(content, encoding="bytes").items()}  # noqa: S301
    found = load_plain_pickle(content, "batch")
    np.testing.assert_array_equal(found["data"], oracle["data"])
    assert found["data"].dtype == np.uint8
    assert (found["labels"], found["batch_label"], found["names"]) == ([3, 300], "x", ["a", "b"])
    assert oracle["labels"] == [3, 300]


@pytest.mark.parametrize("key", ["data", b"data"])
@pytest.mark.parametrize("array", [ARRAY, np.asfortranarray(ARRAY)], ids=["C", "Fortran"])
def test_what_this_numpy_wrote_is_read(key, array):
    found = load_plain_pickle(pickle.dumps({key: array}, protocol=4), "batch")
    np.testing.assert_array_equal(found["data"], ARRAY)


class Runs:
    def __init__(self, call, *arguments):
        self.call = call, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("call", "name"), [(os.mkdir, r"posix\.mkdir"), (eval, r"(builtins|__builtin__)\.eval")]
)
def test_a_malicious_pickle_runs_nothing(tmp_path, protocol, call, name):
    """The same pickle does run, where pickle itself loads it."""
    victim = tmp_path / "victim"
    argument = str(victim) if call is os.mkdir else f"__import__('os').mkdir({str(victim)!r})"
    content = pickle.dumps({"data": Runs(call, argument)}, protocol=protocol)
    with pytest.raises(TrainingError, match=rf"'batch' asks for {name} to be run.*refused"):
        load_plain_pickle(content, "batch")
    assert not victim.exists()
    pickle.loads(content)  # noqa: S301
    assert victim.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cnumpy\nload\n(U\x01xtR.",
        b"cnumpy.core.multiarray\nfromfile\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x10ndarray.__init__\x93.",
        b"cphasekey.training.data.pickles\n_Array\n.",
    ],
)
def test_no_other_name_is_admitted_not_even_of_numpy(content):
    with pytest.raises(TrainingError, match="to be run"):
        load_plain_pickle(content, "batch")


def test_a_pickle_cut_anywhere_is_named(pickled):
    content = pickled({"data": ARRAY, "labels": [1, 2, 3]})
    for cut in range(len(content)):
        with pytest.raises(TrainingError, match="cannot read 'batch' as a pickle"):
            load_plain_pickle(content[:cut], "batch")


@pytest.mark.parametrize(
    "value", [ARRAY.astype(np.int16), np.array([None, "x"]), np.zeros(3), np.array([1, "a"], object)], ids=str
)
def test_arrays_of_anything_but_bytes_are_refused(value):
    with pytest.raises(TrainingError, match="damaged"):
        load_plain_pickle(pickle.dumps({"data": value}, protocol=4), "batch")


@pytest.mark.parametrize("value", [[1, 2], 3, {4: 5}, None])
def test_anything_but_a_dictionary_with_names_is_refused(value):
    with pytest.raises(TrainingError, match="damaged"):
        load_plain_pickle(pickle.dumps(value), "batch")


def test_an_array_of_another_size_than_its_content_is_refused(pickled):
    content = pickled({"data": ARRAY}).replace(b"K\x03K\x04\x86", b"K\x03K\x05\x86")
    with pytest.raises(TrainingError, match="damaged"):
        load_plain_pickle(content, "batch")
