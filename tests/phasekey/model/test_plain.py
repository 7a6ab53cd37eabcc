"""A description goes through plain values and comes back; anything else is refused."""

import json
from dataclasses import replace

import pytest

from phasekey.model import NAMES, ModelError
from phasekey.model.architectures import describe
from phasekey.model.plain import from_plain, to_plain


@pytest.mark.parametrize("name", NAMES)
def test_every_network_comes_back_through_json(name: str) -> None:
    architecture = replace(describe(name), pixel_mean=(0.1, 0.2, 0.3), pixel_std=1)
    assert from_plain(json.loads(json.dumps(to_plain(architecture)))) == architecture


def changed(**changes):
    return {**to_plain(describe("lenet")), **changes}


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (None, "described by a dictionary, not by NoneType"),
        ({}, "missing field: name, layers"),
        (changed(unheard=1), "unknown or missing field: unheard"),
        (changed(encoder_end="3"), "encoder_end .* is '3', which is of the wrong type"),
        (changed(encoder_end=True), "encoder_end .* is True"),
        (changed(encoder_end=3.5), "encoder_end .* is 3.5"),
        (changed(pixel_mean=["a"]), "pixel_mean .*wrong type"),
        (changed(name=[1]), r"name .* is \[1\]"),
        (changed(layers="Conv"), "layers .* is 'Conv'"),
        (changed(layers=[{"layer": "Linear"}]), "Linear has an unknown or missing field: features"),
        (changed(layers=[{"layer": "os.system"}]), "no layer of this version is called 'os.system'"),
        (changed(layers=[{"layer": ["Conv"]}]), r"called \['Conv'\]"),
        (changed(layers=["Conv"]), "no layer of this version is called None"),
        (changed(layers=[{"layer": "Residual", "body": [7]}]), "called None"),
    ],
)
def test_what_describes_no_network_is_refused(plain, message) -> None:
    with pytest.raises(ModelError, match=message):
        from_plain(plain)
