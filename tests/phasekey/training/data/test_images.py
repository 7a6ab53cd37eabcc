import io

import numpy as np
import pytest
from PIL import Image

from phasekey.training.data.images import decode_image, image_shape, resize, resized
from phasekey.training.errors import TrainingError


def encoded(array, kind="PNG", mode=None):
    buffer = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def colours():
    return np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


def test_colour_and_grey_files_keep_their_pixels(colours):
    np.testing.assert_array_equal(decode_image(encoded(colours), "a.png"), colours)
    np.testing.assert_array_equal(decode_image(encoded(colours[..., 0]), "a.png"), colours[..., :1])


@pytest.mark.parametrize(("mode", "channels"), [("RGBA", 3), ("P", 3), ("LA", 1), ("1", 1)])
def test_other_modes_become_rgb_or_grey(colours, mode, channels):
    assert decode_image(encoded(colours, mode=mode), "a.png").shape == (5, 7, channels)


def test_a_size_resizes_to_a_square(colours):
    assert decode_image(encoded(colours), "a.png", 4).shape == (4, 4, 3)


@pytest.mark.parametrize("cut", [0, 10, 60])
def test_a_broken_file_is_named(colours, cut):
    with pytest.raises(TrainingError, match=r"cannot read the image 'train/cat/7\.png'"):
        decode_image(encoded(colours)[:cut], "train/cat/7.png")


def test_formats_that_start_other_programs_are_refused(colours):
    with pytest.raises(TrainingError, match="broken"):
        decode_image(encoded(colours, "EPS"), "a.png")


def test_a_box_is_the_part_that_is_scaled(colours):
    """The box (1, 2)-(5, 4) at twice its size, against Pillow's own crop."""
    cut = Image.fromarray(colours).crop((1, 2, 5, 4))
    found = decode_image(encoded(colours), "a.png", 4, (1, 2, 5, 4))
    assert found.shape == (4, 4, 3)
    assert np.abs(found.mean((0, 1)) - np.asarray(cut).mean((0, 1))).max() < 12


def test_the_header_tells_what_decoding_gives(colours):
    for mode in ("RGB", "RGBA", "P", "LA", "1", "L"):
        content = encoded(colours, mode=mode)
        assert image_shape(io.BytesIO(content), "a.png") == decode_image(content, "a.png").shape


def test_arrays_resize_as_files_do(colours):
    np.testing.assert_array_equal(resize(colours, 4), decode_image(encoded(colours), "a.png", 4))
    images = np.stack([colours, colours[::-1]])
    np.testing.assert_array_equal(resized(images, 4, "pets")[1], resize(images[1], 4))


def test_arrays_of_the_right_size_are_left_alone():
    images = np.zeros((2, 4, 4, 1), np.uint8)
    assert resized(images, None, "pets") is images
    assert resized(images, 4, "pets") is images
