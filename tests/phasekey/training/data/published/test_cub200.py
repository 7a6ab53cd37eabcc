import numpy as np
import pytest
from PIL import Image

from phasekey.training.data.published.cub200 import load_cub200
from phasekey.training.errors import TrainingError


@pytest.mark.parametrize("place", ["folder", "folder around it", "archive"])
def test_the_official_split_and_classes(cub200, packed, place):
    path = {"folder": cub200, "folder around it": cub200.parent}.get(place) or packed(
        cub200, "CUB_200_2011.tgz"
    )
    data = load_cub200(path, 16)
    assert data.classes == ("Black footed Albatross", "Laysan Albatross", "Sooty Albatross")
    assert (data.name, data.task, data.augment) == ("cub200", "classes", "resized-crop-flip")
    assert data.train.labels.tolist() == [0, 1, 2]  # photographs 1, 3 and 5
    assert data.test.labels.tolist() == [0, 1, 2]  # 2, 4 and 6
    corners = data.test.images[:, -1, -1, 0].astype(int)
    np.testing.assert_allclose(corners, [20, 40, 60], atol=2)


def test_images_are_224_pixels_a_side_unless_asked(cub200):
    assert load_cub200(cub200).image_shape == (3, 224, 224)


def test_boxes_show_the_bird_alone(cub200):
    whole, boxed = (load_cub200(cub200, 10, boxes=boxes).train.images for boxes in (False, True))
    assert boxed.min() > 200
    assert whole.min() < 60


def test_a_box_that_reaches_beyond_the_photograph_is_cut_to_it(cub200):
    boxes = cub200 / "bounding_boxes.txt"
    boxes.write_text(boxes.read_text().replace("1 4.0 6.0 10.0 10.0", "1 4.0 6.0 36.5 15.5", 1))
    found = load_cub200(cub200, 30, boxes=True).train.images[0]
    expected = Image.open(cub200 / "images/001.Black_footed_Albatross/Black_footed_Albatross_0001_1.jpg")
    cut = expected.resize((30, 30), Image.Resampling.BICUBIC, (4, 6, 40, 21))
    np.testing.assert_array_equal(found, np.asarray(cut))


def test_a_box_outside_the_photograph_is_named(cub200):
    boxes = cub200 / "bounding_boxes.txt"
    boxes.write_text(boxes.read_text().replace("3 4.0 6.0", "3 400.0 6.0"))
    with pytest.raises(TrainingError, match=r"holds nothing of the image .*_3\.jpg"):
        load_cub200(cub200, 8, boxes=True)


def test_ids_count_and_the_order_of_lines_does_not(cub200):
    ordered = load_cub200(cub200, 8)
    for name in ("images", "image_class_labels", "train_test_split", "classes"):
        path = cub200 / f"{name}.txt"
        path.write_text("\n".join(reversed(path.read_text().splitlines())) + "\n")
    shuffled = load_cub200(cub200, 8)
    assert shuffled.classes == ordered.classes
    np.testing.assert_array_equal(shuffled.train.images, ordered.train.images)
    np.testing.assert_array_equal(shuffled.train.labels, ordered.train.labels)


@pytest.mark.parametrize(
    "gone", ["images", "image_class_labels", "train_test_split", "classes", "bounding_boxes"]
)
def test_a_missing_list_says_where_to_get_it(cub200, gone):
    (cub200 / f"{gone}.txt").unlink()
    with pytest.raises(TrainingError, match=rf"no {gone}\.txt .*download CUB_200_2011\.tgz from https://"):
        load_cub200(cub200, 8, boxes=True)


def test_boxes_are_only_needed_where_asked_for(cub200):
    (cub200 / "bounding_boxes.txt").unlink()
    assert len(load_cub200(cub200, 8).train) == 3


def test_a_missing_photograph_is_named(cub200):
    next((cub200 / "images").rglob("*_0004_4.jpg")).unlink()
    with pytest.raises(
        TrainingError, match=r"1 of the photographs .* missing, .*Laysan_Albatross_0004_4\.jpg'"
    ):
        load_cub200(cub200, 8)


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("image_class_labels", "5 3\n", "", r"image_class_labels\.txt .* image 5 is in one"),
        ("train_test_split", "6 0\n", "", r"train_test_split\.txt .* image 6 is in one"),
        ("train_test_split", "6 0", "6 2", r"train_test_split\.txt .*expected 1 \(training\) or 0"),
        ("image_class_labels", "5 3", "5 4", "no class '4'"),
        ("classes", "2 002.Laysan_Albatross", "2", r"classes\.txt .* line 2 is not"),
        ("bounding_boxes", "2 4.0 6.0 10.0 10.0", "2 4.0 6.0", "the box of image 2 is not four numbers"),
        ("images", "1 001", "one 001", r"images\.txt .* line 1 is not"),
    ],
)
def test_damage_is_named(cub200, name, old, new, message):
    path = cub200 / f"{name}.txt"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(TrainingError, match=message):
        load_cub200(cub200, 8, boxes=True)


def test_a_grey_photograph_becomes_rgb(cub200):
    path = next((cub200 / "images").rglob("*_0001_1.jpg"))
    Image.open(path).convert("L").save(path)
    image = load_cub200(cub200, 8).train.images[0]
    assert (image[..., 0] == image[..., 2]).all()
