"""No secret is used twice: not by another thread, not in a fork, and not after it was used."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from edge_runtime import Decoder, Encoder
from phasekey.bundle import SecretSpec
from sdk import DerivedKeys, EdgeClient, FreshKeys
from sdk.core import predicting
from sdk.secrets import hide

SECRET = bytes(range(32))
KINDS = [("rotation", 2), ("orthogonal", 4), ("permutation", 4)]
IMAGES = np.random.default_rng(0).integers(0, 256, (400, 4, 4, 1), np.uint8)

# Draws in a process and in four forks of it, of a source that was made before; one line of JSON each.
IN_FORKS = """
import json, os, sys
import numpy as np
from sdk import DerivedKeys, FreshKeys

class Repeating:  # the control: a generator that a fork copies
    random = np.random.default_rng(0)
    def draw(self, images, size):
        return DerivedKeys(self.random.bytes(32)).draw(images, size)

source = {"fresh": FreshKeys, "drawn": lambda: None, "control": Repeating}[sys.argv[1]]()
images = np.zeros((3, 4, 4, 1), np.uint8)
children = []
for number in range(5):
    if number == 4 or not (child := os.fork()):
        drawn = (source or DerivedKeys()).draw(images, 2)  # "drawn": each process makes its own secret
        os.write(1, (json.dumps(drawn.noise.ravel().tolist()) + "\\n").encode())
        if number < 4:
            os._exit(0)
    else:
        children.append(child)
for child in children:
    os.waitpid(child, 0)
"""


def in_forks(name):
    done = subprocess.run([sys.executable, "-c", IN_FORKS, name], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return np.array([json.loads(line) for line in done.stdout.splitlines()])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks on this platform")
def test_no_two_forks_draw_the_same():
    fresh, drawn, control = (in_forks(name) for name in ("fresh", "drawn", "control"))
    assert [len(each) for each in (fresh, drawn, control)] == [5, 5, 5]
    assert len(np.unique(fresh)) == fresh.size  # three equal images too
    assert len(np.unique(drawn)) == 5 * 6 / 3  # of one secret, equal images draw the same; five secrets
    assert len(np.unique(control)) < 5 * 6 / 3


@pytest.mark.parametrize("kind", KINDS)
def test_threads_that_share_keys_mix_nothing_up(kind):
    """Each image's matrix is what it is alone, and no other's."""
    keys, spec = DerivedKeys(SECRET), SecretSpec(*kind)
    alone = DerivedKeys(SECRET).draw(IMAGES, 2, spec)
    with ThreadPoolExecutor(16) as pool:
        drawn = list(pool.map(lambda image: keys.draw(image[None], 2, spec), IMAGES))
    np.testing.assert_array_equal(np.concatenate([each.matrix for each in drawn]), alone.matrix)
    np.testing.assert_array_equal(np.concatenate([each.noise for each in drawn]), alone.noise)
    assert len(np.unique(alone.noise)) == alone.noise.size


def test_threads_draw_fresh_keys_apart():
    keys = FreshKeys()
    with ThreadPoolExecutor(16) as pool:
        drawn = list(pool.map(lambda _: keys.draw(IMAGES[:1], 2), range(400)))
    assert len(np.unique([each.noise for each in drawn])) == 800


class Watched:
    """Keys that remember what they gave out."""

    def __init__(self) -> None:
        self.drawn, self._keys = [], DerivedKeys(SECRET)

    def draw(self, images, noise_size, secret):
        self.drawn.append(self._keys.draw(images, noise_size, secret))
        return self.drawn[-1]


class Failing:
    bytes_up = bytes_down = 0

    def check(self, manifest):
        return None

    def infer(self, x):
        raise OSError("no network")

    def close(self):
        return None


@pytest.mark.parametrize("kind", KINDS)
def test_matrices_and_noise_are_zero_once_they_were_used(new_export, in_memory, kind):
    export, keys = new_export(kind=kind[0], components=kind[1]), Watched()
    images = export.network.images(3)
    EdgeClient(export.edge, transport=in_memory(export), keys=keys, batch_size=2).predict(images)
    with pytest.raises(OSError, match="no network"):  # where a call fails too
        EdgeClient(export.edge, transport=Failing(), keys=keys).predict(images)
    assert len(keys.drawn) == 3
    assert not any(each.matrix.any() or each.noise.any() for each in keys.drawn)
    assert Watched().draw(images, 5, export.network.secret).matrix.any()  # else this test sees nothing


@pytest.mark.parametrize("kind", KINDS)
def test_features_decoys_and_answers_are_zero_once_they_were_used(new_export, in_memory, kind, monkeypatch):
    """M, what the encoder gave and what was revealed: all that numpy lets be overwritten."""
    export, kept, held = new_export(kind=kind[0], components=kind[1]), [], []

    def keeping(function):
        def call(*arguments, **options):
            result = function(*arguments, **options)
            for each in (*arguments, *(result if isinstance(result, tuple) else (result,))):
                if isinstance(each, np.ndarray) and each.dtype == np.float32:
                    kept.append(each)
                    held.append(bool(each.any()))
            return result

        return call

    monkeypatch.setattr(predicting, "hide", keeping(hide))
    monkeypatch.setattr(Encoder, "encode", keeping(Encoder.encode))
    monkeypatch.setattr(Decoder, "decode", keeping(Decoder.decode))
    client = EdgeClient(export.edge, transport=in_memory(export), secret=SECRET)
    result = client.predict(export.network.images(3))
    np.testing.assert_allclose(
        result.probabilities, export.network.probabilities(export.network.images(3)), atol=5e-5
    )
    names = ["noise", "feature", "decoys", "M", "x", "revealed", "probabilities"]
    assert all(held)
    left = {name for name, each in zip(names, kept, strict=True) if each.any()}
    assert left == {"x", "probabilities"}  # what the cloud has, and what the app gets
