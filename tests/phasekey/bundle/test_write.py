"""Ids and names."""

import pytest

from phasekey.bundle import BundleError, identify, name_model


def test_the_id_depends_on_every_part_its_order_and_where_it_ends():
    ids = [
        identify(parts) for parts in ([b"ab", b"c"], [b"a", b"bc"], [b"c", b"ab"], [b"abc"], [b"abc", b""])
    ]
    assert len(set(ids)) == len(ids)
    assert ids[0] == identify([b"ab", b"c"])
    assert all(len(i) == 64 and set(i) <= set("0123456789abcdef") for i in ids)


def test_the_model_name_carries_the_id():
    assert name_model("lenet-digits", "0123456789ab" + "f" * 52) == "lenet-digits-0123456789ab"


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "../a", ".hidden", "a b", "é", "a" * 201, "a\n"])
def test_a_name_that_is_no_safe_folder_name_is_refused(name):
    with pytest.raises(BundleError, match="Model name"):
        name_model(name, "0" * 64)
