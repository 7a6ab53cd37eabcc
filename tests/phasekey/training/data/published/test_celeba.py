import shutil
import zipfile

import numpy as np
import pytest

from phasekey.training.data.published.celeba import HIDDEN, load_celeba
from phasekey.training.errors import TrainingError

LISTS = ("list_attr_celeba.txt", "list_eval_partition.txt")


def test_the_official_split_and_all_attributes(celeba):
    data = load_celeba(celeba, 16)
    assert (len(data.train), len(data.test), data.task) == (3, 3, "attributes")
    assert (data.image_shape, data.augment) == ((3, 16, 16), "crop-flip")
    assert (len(data.classes), len(data.hidden_classes)) == (30, 10)
    assert not set(data.classes) & set(data.hidden_classes)
    assert set(data.hidden_classes) == set(HIDDEN)
    values = data.test.images.reshape(3, -1).astype(int)
    assert [round(value) for value in values.mean(axis=1)] == [150, 180, 210]  # faces 5, 6 and 7


@pytest.mark.parametrize(
    ("name", "place"), [("5_o_Clock_Shadow", 0), ("Male", 20), ("Smiling", 31), ("Young", 39), ("Chubby", 13)]
)
def test_an_attribute_is_where_the_list_has_it(celeba, name, place):
    """Face n was given the attributes whose number is divisible by n."""
    data = load_celeba(celeba, 8)
    for split, faces in ((data.train, (1, 2, 3)), (data.test, (5, 6, 7))):
        names, values = (
            (data.hidden_classes, split.hidden) if name in HIDDEN else (data.classes, split.labels)
        )
        assert values[:, names.index(name)].tolist() == [int(place % face == 0) for face in faces]


def test_images_are_224_pixels_a_side_unless_asked(celeba):
    assert load_celeba(celeba).image_shape == (3, 224, 224)


def test_the_folders_and_the_zip_of_the_official_page_do_as_well(celeba, tmp_path):
    flat = load_celeba(celeba, 8)
    official = tmp_path / "official"
    for folder, name in (("Anno", LISTS[0]), ("Eval", LISTS[1])):
        (official / folder).mkdir(parents=True)
        shutil.move(celeba / name, official / folder / name)
    (official / "Img").mkdir()
    with zipfile.ZipFile(official / "Img" / "img_align_celeba.zip", "w") as archive:
        archive.mkdir("img_align_celeba")
        for path in (celeba / "img_align_celeba").iterdir():
            archive.write(path, f"img_align_celeba/{path.name}")
    packed = load_celeba(official, 8)
    np.testing.assert_array_equal(packed.test.images, flat.test.images)
    np.testing.assert_array_equal(packed.train.labels, flat.train.labels)


@pytest.mark.parametrize("gone", [*LISTS, "img_align_celeba"])
def test_what_is_missing_says_where_to_get_it(celeba, gone):
    (celeba / gone).rename(celeba / "elsewhere")
    with pytest.raises(TrainingError, match=rf"no {gone}.*CelebA\.html put list_attr_celeba\.txt \(Anno\)"):
        load_celeba(celeba)


def test_a_missing_image_is_named(celeba):
    (celeba / "img_align_celeba" / "000006.jpg").unlink()
    with pytest.raises(TrainingError, match=r"1 images of .* are missing, the first of them '000006\.jpg'"):
        load_celeba(celeba)


def drop_line(path, number):
    lines = path.read_text().splitlines()
    del lines[number]
    path.write_text("\n".join(lines) + "\n")


def test_a_list_of_attributes_cut_short_is_named(celeba):
    drop_line(celeba / LISTS[0], -1)
    with pytest.raises(TrainingError, match=r"list_attr_celeba\.txt is cut short.*says 7 images and lists 6"):
        load_celeba(celeba)


def test_lists_of_different_images_are_named(celeba):
    drop_line(celeba / LISTS[1], 2)
    with pytest.raises(TrainingError, match=r"'000003\.jpg' is in one of"):
        load_celeba(celeba)


@pytest.mark.parametrize("line", [0, 1])
def test_a_list_without_its_header_is_named(celeba, line):
    drop_line(celeba / LISTS[0], line)
    with pytest.raises(
        TrainingError, match="does not begin with the number of images and a line of attributes"
    ):
        load_celeba(celeba)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("000002.jpg  1", "000002.jpg", "in line 4: expected a name and 40 whole"),
        ("000002.jpg  1", "000002.jpg  x", "in line 4"),
        ("000002.jpg  1", "000002.jpg  2", r"expected 1 or -1 throughout, not so for '000002\.jpg'"),
    ],
)
def test_a_damaged_line_is_named(celeba, old, new, message):
    text = (celeba / LISTS[0]).read_text()
    assert old in text
    (celeba / LISTS[0]).write_text(text.replace(old, new))
    with pytest.raises(TrainingError, match=message):
        load_celeba(celeba)


def test_a_list_that_is_no_text_is_named(celeba):
    (celeba / LISTS[1]).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TrainingError, match=r"list_eval_partition\.txt' is damaged: it is no text"):
        load_celeba(celeba)


def test_a_broken_image_is_named(celeba):
    (celeba / "img_align_celeba" / "000007.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(TrainingError, match=r"cannot read the image '000007\.jpg'"):
        load_celeba(celeba)
