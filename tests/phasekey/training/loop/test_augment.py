import numpy as np
import pytest
import torch

from phasekey.training.loop.augment import augment, random_flip, random_resized_crop, random_shift


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    return torch.randint(1, 256, (64, 20, 16, 3), dtype=torch.uint8, generator=generator())


def naive_shifts(image, most):
    """All ways to pad an image with zeros and crop it back, by numpy."""
    padded = np.pad(image, ((most, most), (most, most), (0, 0)))
    height, width, _ = image.shape
    moves = range(2 * most + 1)
    return {(i, j): padded[i : i + height, j : j + width] for i in moves for j in moves}


def test_every_shift_is_a_crop_of_the_padded_image_and_all_of_them_occur(images):
    most = 1  # a share of 1/16 of the shorter side
    shifted = random_shift(images, 1 / 16, generator())
    assert shifted.dtype == torch.uint8
    found = set()
    for before, after in zip(images.numpy(), shifted.numpy(), strict=True):
        places = [k for k, v in naive_shifts(before, most).items() if np.array_equal(v, after)]
        assert len(places) == 1
        found.update(places)
    assert len(found) == 9


def test_flips_mirror_about_half_of_the_images_and_keep_the_rest(images):
    flipped = random_flip(images, generator())
    same = [bool((a == b).all()) for a, b in zip(images, flipped, strict=True)]
    mirrored = [bool((a.flip(1) == b).all()) for a, b in zip(images, flipped, strict=True)]
    assert [not kept for kept in same] == mirrored
    assert 16 < sum(mirrored) < 48


@pytest.mark.parametrize("kind", ["crop-flip", "resized-crop-flip", "flip", "shift", "none"])
def test_one_seed_gives_one_result_and_the_input_stays(images, kind):
    before = images.clone()
    first = augment(images, kind, generator(3))
    assert torch.equal(first, augment(images, kind, generator(3)))
    assert torch.equal(images, before)
    assert torch.equal(first, images) == (kind == "none")


def test_writing_is_never_mirrored():
    """A bar at the left edge moves but stays on the left."""
    images = torch.zeros(50, 32, 32, 1, dtype=torch.uint8)
    images[:, :, 2] = 255
    columns = augment(images, "shift", generator()).amax(dim=(1, 3)).argmax(dim=1)
    assert set(columns.tolist()) == {0, 1, 2, 3, 4}


def ramps(count, size=32):
    """Images whose red tells the column and whose green tells the row, so that a crop tells where it was."""
    ramp = torch.arange(size).mul(8).to(torch.uint8)
    red, green = ramp.expand(size, size), ramp[:, None].expand(size, size)
    return torch.stack([red, green, torch.zeros_like(red)], dim=-1).expand(count, -1, -1, -1)


def test_a_resized_crop_is_a_rectangle_of_its_image_of_the_areas_and_shapes_allowed():
    crops = random_resized_crop(ramps(400), generator()).double()
    across = (crops[:, 0, 30, 0] - crops[:, 0, 1, 0]) / 8 / 29  # source pixels per pixel: the share of width
    down = (crops[:, 30, 0, 1] - crops[:, 1, 0, 1]) / 8 / 29
    area, ratio = across * down, across / down
    assert 0.05 < float(area.min()) < 0.15
    assert 0.85 < float(area.max()) <= 1.01
    assert float(ratio.min()) > 0.7
    assert float(ratio.max()) < 1.45
    left, right = crops[:, 0, 0, 0] / 8, crops[:, 0, -1, 0] / 8
    assert float(left.min()) < 1
    assert float(right.max()) > 30
    # The same shift along every row: rectangles are upright.
    torch.testing.assert_close(crops[:, 0, :, 0], crops[:, 31, :, 0], atol=1, rtol=0)


def test_a_resized_crop_of_the_whole_is_the_image(images, monkeypatch):
    monkeypatch.setattr("phasekey.training.loop.augment.AREA", (1.0, 1.0))
    monkeypatch.setattr("phasekey.training.loop.augment.RATIO", (1.0, 1.0))
    assert torch.equal(random_resized_crop(images, generator()), images)


def test_flip_alone_mirrors_and_moves_nothing(images):
    assert torch.equal(augment(images, "flip", generator(3)), random_flip(images, generator(3)))
