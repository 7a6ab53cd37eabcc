"""Nothing secret in logs, in output, or in the texts of errors, whatever goes wrong."""

import logging
import traceback

import numpy as np
import pytest

from phasekey.errors import PhasekeyError
from sdk import DerivedKeys, EdgeClient, SdkError, Secrets
from sdk.secrets import hide

SECRET = b"this-is-the-secret-of-the-device"


@pytest.fixture
def export(new_export):
    """An export for float images, whose pixels are long numbers that can be searched for."""
    return new_export(dtype="float32")


def needles(export, images):
    """The secrets in decimal and hexadecimal, cut short: whichever way someone prints them."""
    drawn = DerivedKeys(SECRET, context=export.manifest.encoder.sha256.encode()).draw(images, 5)
    floats = np.concatenate(
        [
            drawn.theta,
            drawn.matrix.ravel(),
            drawn.noise.ravel(),
            export.network.feature(images).ravel(),
            export.network.decoy(drawn.noise).ravel(),
            images.ravel(),
        ]
    )
    texts = {repr(float(value))[:6] for value in np.abs(floats)} - {"0.0", "1.0"}
    return {SECRET.decode(), SECRET.hex(), SECRET.decode()[:10]} | {t for t in texts if len(t) == 6}


def everything_said(error):
    """The error, its causes and contexts, and the whole traceback."""
    said = "".join(traceback.format_exception(error))
    while error is not None:
        said += str(error) + repr(error) + repr(error.args)
        error = error.__cause__ or error.__context__
    return said


class Altering:
    """A transport that answers with something else, or fails."""

    bytes_up = bytes_down = 0

    def __init__(self, memory, alter) -> None:
        self._memory, self._alter = memory, alter

    def check(self, manifest):
        return None

    def infer(self, x):
        return self._alter(self._memory.infer(x))

    def close(self):
        return None


class BadKeys:
    """A key source whose draws do not fit: the errors must not show them."""

    def __init__(self, spoil) -> None:
        self._spoil = spoil

    def draw(self, images, noise_size, secret):
        drawn = DerivedKeys(SECRET).draw(images, noise_size, secret)
        return self._spoil(drawn.matrix, drawn.noise)


def failures(export, memory):
    """All the ways to fail, as calls."""
    images = export.network.images(2)
    edge = export.edge

    def through(alter):
        return lambda: EdgeClient(edge, transport=Altering(memory, alter), secret=SECRET).predict(images)

    def keyed(spoil):
        return lambda: EdgeClient(edge, transport=memory, keys=BadKeys(spoil)).predict(images)

    def given(bad):
        return lambda: EdgeClient(edge, transport=memory, secret=SECRET).predict(bad)

    return {
        "no server": lambda: EdgeClient(edge, "127.0.0.1:1", secret=SECRET).predict(images),
        "short secret": lambda: EdgeClient(edge, "127.0.0.1:1", secret=SECRET[:15]),
        "secret as text": lambda: EdgeClient(edge, "127.0.0.1:1", secret=SECRET.decode()),
        "short answer": through(lambda h: h[:1]),
        "answer of another type": through(lambda h: h.astype(np.float64)),
        "answer with NaN": through(lambda h: h * np.float32("nan")),
        "too few matrices": keyed(lambda q, noise: Secrets(q[:1], noise)),
        "too little noise": keyed(lambda q, noise: Secrets(q, noise[:, :2])),
        "noise of another type": keyed(lambda q, noise: Secrets(q, noise.astype(np.float64))),
        "images out of range": given(images * 2),
        "images with NaN": given(np.where(images > 0.5, np.float32("nan"), images)),
        "images of another size": given(images[:, :4]),
        "images of another type": given((images * 255).astype(np.int64)),
        "nested lists": given(images.tolist()),
        "hiding": lambda: hide(images, images[0].astype(np.float64)),
    }


FAILURES = [
    "no server",
    "short secret",
    "secret as text",
    "short answer",
    "answer of another type",
    "answer with NaN",
    "too few matrices",
    "too little noise",
    "noise of another type",
    "images out of range",
    "images with NaN",
    "images of another size",
    "images of another type",
    "nested lists",
    "hiding",
]


@pytest.fixture
def memory(export):
    from types import SimpleNamespace

    from phasekey.graph_runtime import GraphSession

    graph = GraphSession(export.cloud / export.manifest.model_name / "1" / "model.onnx")
    return SimpleNamespace(
        infer=lambda x: graph.run({"x": x})["h"],
        check=lambda manifest: None,
        close=lambda: None,
        bytes_up=0,
        bytes_down=0,
    )


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_says_nothing_secret(export, memory, caplog, capfd, name):
    caplog.set_level(logging.DEBUG)
    calls = failures(export, memory)
    assert list(calls) == FAILURES
    with pytest.raises(PhasekeyError) as caught:
        calls[name]()
    out, err = capfd.readouterr()
    said = everything_said(caught.value) + caplog.text + out + err
    assert [n for n in needles(export, export.network.images(2)) if n in said] == []


def test_a_prediction_says_nothing_secret(export, serve, caplog, capfd):
    """Neither the client's half nor the server's, with every logger at its most talkative."""
    caplog.set_level(logging.DEBUG)
    images = export.network.images(3)
    with serve(export) as running, EdgeClient(export.edge, running.address, secret=SECRET) as client:
        client.predict(images)
        said = repr(client) + str(client) + repr(client.keys) + repr(client.traffic) + repr(vars(client))
    out, err = capfd.readouterr()
    said += caplog.text + out + err
    assert [n for n in needles(export, images) if n in said] == []


def test_the_search_would_find_a_slip(export, caplog):
    """The control: a careless line of logging or a careless error is found."""
    images = export.network.images(2)
    keys = DerivedKeys(SECRET, context=export.manifest.encoder.sha256.encode())
    drawn = keys.draw(images, 5)
    for slip in (drawn.theta.tolist(), drawn.noise, SECRET, images[0], export.network.feature(images)):
        error = SdkError(f"careless: {slip}")
        wrapped = SdkError("careful")
        wrapped.__cause__ = error
        assert [n for n in needles(export, images) if n in everything_said(wrapped)] != []
        caplog.clear()
        logging.getLogger("careless").warning("drew %s", slip)
        assert [n for n in needles(export, images) if n in caplog.text] != []
