import io

import pytest
from PIL import Image

from phasekey.training.data.shapes import common_shape
from phasekey.training.data.store import MemoryStore
from phasekey.training.errors import TrainingError


def store_of(*images):
    contents = {}
    for number, (mode, size) in enumerate(images):
        buffer = io.BytesIO()
        Image.new(mode, size).save(buffer, "PNG")
        contents[f"{number}.png"] = buffer.getvalue()
    return MemoryStore(contents)


@pytest.mark.parametrize(
    ("images", "size", "shape"),
    [
        ([("L", (7, 5)), ("1", (7, 5))], None, (5, 7, 1)),
        ([("L", (7, 5)), ("RGB", (7, 5))], None, (5, 7, 3)),
        ([("L", (7, 5)), ("L", (3, 9))], 4, (4, 4, 1)),
        ([("RGBA", (7, 5))], 4, (4, 4, 3)),
    ],
)
def test_the_shape_is_that_of_all(images, size, shape):
    store = store_of(*images)
    assert common_shape(store, store.names, "pets", size) == shape


def test_an_odd_one_is_named():
    store = store_of(("L", (7, 5)), ("L", (3, 9)), ("L", (7, 5)))
    with pytest.raises(
        TrainingError, match=r"'pets' differ in size: '1\.png' is 3×9, most are 7×5; .*--image-size"
    ):
        common_shape(store, store.names, "pets", None)


def test_a_broken_one_is_named():
    store = MemoryStore({"a.png": b"\x89PNG"})
    with pytest.raises(TrainingError, match=r"cannot read the image 'a\.png'"):
        common_shape(store, store.names, "pets", None)
