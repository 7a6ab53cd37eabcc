"""What a device reads from its folder, in the network's sizes and labels."""

import numpy as np
import pytest
from PIL import Image

from phasekey.federated.errors import FederatedError
from phasekey.federated.images import read_images


@pytest.fixture
def folder(tmp_path):
    def write(places, size=8, mode="L"):
        for place in places:
            (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
            Image.new(mode, (size, size), "gray").save(tmp_path / place)
        return tmp_path

    return write


@pytest.mark.parametrize("prefix", ["", "train/"])
def test_a_device_may_lack_classes_and_has_the_networks_numbers(folder, checkpoint, prefix):
    split = read_images(folder([f"{prefix}light/{n}.png" for n in range(9)]), checkpoint)
    assert split.images.shape == (9, 8, 8, 1)
    np.testing.assert_array_equal(split.labels, 9 * [checkpoint.labels.index("light")])


def test_images_of_another_size_are_resized(folder, checkpoint):
    assert read_images(folder([f"dark/{n}.png" for n in range(8)], size=20), checkpoint).images.shape[
        1:3
    ] == (8, 8)


def test_a_class_that_the_network_lacks_is_named(folder, checkpoint):
    with pytest.raises(FederatedError, match=r"does not know \(zebra\)"):
        read_images(folder([f"zebra/{n}.png" for n in range(8)]), checkpoint)


def test_too_few_images_are_refused(folder, checkpoint):
    with pytest.raises(FederatedError, match="2 images"):
        read_images(
            folder(["dark/0.png", "light/1.png", ".hidden/2.png", "dark/notes.txt.png.d/3.png"]), checkpoint
        )


def test_colours_for_a_grey_network_are_refused(folder, checkpoint):
    with pytest.raises(FederatedError, match="grey"):
        read_images(folder([f"dark/{n}.png" for n in range(8)], mode="RGB"), checkpoint)
