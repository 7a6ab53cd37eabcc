"""Every kind of image that load_images takes, and every kind that it refuses."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge_runtime import EdgeRuntimeError, load_images
from phasekey.bundle import ImageSpec

GREY = ImageSpec(4, 6, 1, "uint8")
RGB = ImageSpec(4, 6, 3, "uint8")
FLOAT = ImageSpec(4, 6, 3, "float32")
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), np.uint8)
GREYS = PIXELS[..., :1]


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(len(PIXELS))]
    for path, pixels in zip(paths, PIXELS, strict=True):
        Image.fromarray(pixels).save(path)
    return paths


@pytest.mark.parametrize(
    ("given", "spec", "expected"),
    [
        (PIXELS, RGB, PIXELS),
        (PIXELS[0], RGB, PIXELS[:1]),
        (GREYS, GREY, GREYS),
        (GREYS[0], GREY, GREYS[:1]),
        (GREYS[..., 0], GREY, GREYS),
        (GREYS[0, ..., 0], GREY, GREYS[:1]),
        (list(PIXELS), RGB, PIXELS),
        (tuple(GREYS[..., 0]), GREY, GREYS),
        (PIXELS[::2], RGB, PIXELS[::2]),
        (Image.fromarray(PIXELS[1]), RGB, PIXELS[1:2]),
        ([Image.fromarray(p) for p in PIXELS], RGB, PIXELS),
        ([PIXELS[0], Image.fromarray(PIXELS[1])], RGB, PIXELS[:2]),
        (Image.fromarray(GREYS[0, ..., 0]), RGB, np.repeat(GREYS[:1], 3, axis=3)),
    ],
)
def test_takes(given, spec, expected):
    loaded = load_images(given, spec)
    assert loaded.dtype == np.uint8
    np.testing.assert_array_equal(loaded, expected)


def test_takes_files_by_path_and_by_string(files):
    np.testing.assert_array_equal(load_images(files, RGB), PIXELS)
    np.testing.assert_array_equal(load_images([str(path) for path in files], RGB), PIXELS)
    np.testing.assert_array_equal(load_images(files[2], RGB), PIXELS[2:3])
    np.testing.assert_array_equal(load_images(str(files[2]), RGB), PIXELS[2:3])


def test_colour_files_become_grey_by_the_usual_weights(files):
    """ITU-R 601: L = 0.299 R + 0.587 G + 0.114 B, rounded."""
    expected = PIXELS.astype(float) @ [0.299, 0.587, 0.114]
    np.testing.assert_allclose(load_images(files, GREY)[..., 0], expected, atol=1)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_float_images_where_the_bundle_says_so(dtype):
    given = (PIXELS / 255).astype(dtype)
    loaded = load_images(given, FLOAT)
    assert loaded.dtype == np.dtype("float32")
    np.testing.assert_array_equal(loaded, given.astype(np.float32))


def test_files_become_float_images_in_0_to_1(files):
    loaded = load_images(files, FLOAT)
    assert loaded.dtype == np.float32
    np.testing.assert_allclose(loaded, PIXELS / 255, rtol=1e-6)


def test_the_orientation_tag_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90° clockwise
    turned = Image.fromarray(np.rot90(PIXELS[0]).copy())
    turned.save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(load_images(tmp_path / "turned.png", RGB)[0], PIXELS[0])


def test_resize_is_asked_for():
    flat = Image.new("RGB", (60, 40), (10, 20, 30))
    with pytest.raises(EdgeRuntimeError, match=r"60×40 pixels \(width × height\).* 6×4.*--resize"):
        load_images(flat, RGB)
    loaded = load_images(flat, RGB, resize=True)
    np.testing.assert_array_equal(loaded, np.broadcast_to(np.uint8([10, 20, 30]), (1, 4, 6, 3)))


@pytest.mark.parametrize(
    ("given", "spec", "said"),
    [
        (PIXELS[:, :3], RGB, r"Expected images of shape \(N, 4, 6, 3\) or \(4, 6, 3\).* got \(5, 3, 6, 3\)"),
        (PIXELS.transpose(0, 2, 1, 3), RGB, r"got \(5, 6, 4, 3\)"),
        (PIXELS.transpose(0, 3, 1, 2), RGB, r"got \(5, 3, 4, 6\)"),
        (PIXELS, GREY, r"got \(5, 4, 6, 3\)"),
        (GREYS, RGB, r"got \(5, 4, 6, 1\)"),
        (GREYS[0, ..., 0], RGB, r"got \(4, 6\)"),
        (np.uint8(3), RGB, "not a uint8"),
        (np.array(3, np.uint8), RGB, r"got \(\)"),
        (PIXELS[None], RGB, r"got \(1, 5, 4, 6, 3\)"),
        (PIXELS[:0], RGB, "no images"),
        ([], RGB, "no images"),
        ((PIXELS / 255).astype(np.float32), RGB, "Expected uint8 pixels .* got float32"),
        (PIXELS.astype(np.int64), RGB, "got int64"),
        (PIXELS.astype(bool), RGB, "got bool"),
        (PIXELS.astype(object), RGB, "got object"),
        (PIXELS, FLOAT, "Expected float32 pixels .* got uint8: divide by 255"),
        (PIXELS.astype(complex), FLOAT, "got complex128"),
        (np.full((4, 6, 3), np.nan, np.float32), FLOAT, "NaN"),
        (np.full((4, 6, 3), np.inf, np.float32), FLOAT, "infinity"),
        (PIXELS.astype(np.float32), FLOAT, r"outside \[0, 1\]"),
        (np.full((4, 6, 3), -0.1, np.float32), FLOAT, r"outside \[0, 1\]"),
        ([PIXELS[0], PIXELS[:2]], RGB, "Image 1 of the list: .* array of 2"),
        ([PIXELS[0], PIXELS[0, :2]], RGB, "Image 1 of the list: Expected images"),
        ([PIXELS[0], 7], RGB, "Image 1 of the list: .* not a int"),
        (PIXELS.tolist(), RGB, "Image 0 of the list: .* not a list"),
        (PIXELS.tobytes(), RGB, "The image file is not an image that can be read"),
        (iter(PIXELS), RGB, "generator of images: give it to predict_stream"),
        (None, RGB, "not a NoneType"),
        (Image.new("I;16", (6, 4)), GREY, "more than 8 bits"),
        (Image.new("F", (6, 4)), GREY, "more than 8 bits"),
    ],
)
def test_refuses(given, spec, said):
    with pytest.raises(EdgeRuntimeError, match=said):
        load_images(given, spec)


def test_no_pixel_value_is_in_an_error():
    marked = np.full((4, 6, 3), 123.456, np.float32)
    with pytest.raises(EdgeRuntimeError) as caught:
        load_images(marked, FLOAT)
    assert "123" not in str(caught.value)


@pytest.mark.parametrize("keep", [0, 20, 60])
def test_a_broken_file_among_good_ones_is_named(files, keep):
    files[3].write_bytes(files[3].read_bytes()[:keep])
    with pytest.raises(EdgeRuntimeError, match=r"3\.png is not an image that can be read"):
        load_images(files, RGB)


def test_a_truncated_jpeg_is_refused_rather_than_half_grey(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.fromarray(np.tile(PIXELS[0], (40, 40, 1))).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(EdgeRuntimeError, match=r"photo\.jpg is not an image"):
        load_images(path, RGB, resize=True)


def test_text_a_folder_and_nothing_are_named(tmp_path):
    (tmp_path / "notes.png").write_text("not an image")
    with pytest.raises(EdgeRuntimeError, match=r"notes\.png is not an image"):
        load_images(tmp_path / "notes.png", RGB)
    with pytest.raises(EdgeRuntimeError, match="is a folder"):
        load_images(tmp_path, RGB)
    with pytest.raises(EdgeRuntimeError, match=r"none\.png does not exist"):
        load_images(str(tmp_path / "none.png"), RGB)


def test_a_picture_too_large_to_be_safe_is_named(files, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4)
    with pytest.raises(EdgeRuntimeError, match=r"0\.png has too many pixels"):
        load_images(files[0], RGB)


def encoded(image=PIXELS[0]):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def test_takes_bytes_and_open_files(tmp_path):
    data = encoded()
    (tmp_path / "a.png").write_bytes(data)
    with (tmp_path / "a.png").open("rb") as file:
        for form in (data, bytearray(data), memoryview(data), io.BytesIO(data), file):
            np.testing.assert_array_equal(load_images(form, RGB), PIXELS[:1])
    np.testing.assert_array_equal(load_images([data, io.BytesIO(data)], RGB), PIXELS[[0, 0]])
    with pytest.raises(EdgeRuntimeError, match="The image file is not an image"):
        load_images(io.BytesIO(b"none"), RGB)


class OnlyDlpack:
    """A tensor of another library, as far as numpy sees it."""

    def __init__(self, array):
        self._array = array

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


class OnlyArray:
    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return self._array


class Elsewhere:
    """On a GPU, or in need of a gradient: each library raises a class of its own."""

    def __dlpack__(self, **options):
        raise BufferError("on another device")

    def __array__(self, dtype=None, copy=None):
        raise TypeError("can't convert")


@pytest.mark.parametrize("kind", [OnlyDlpack, OnlyArray])
def test_takes_tensors_without_importing_their_library(kind):
    np.testing.assert_array_equal(load_images(kind(PIXELS), RGB), PIXELS)
    np.testing.assert_array_equal(load_images([kind(PIXELS[0])] * 2, RGB), PIXELS[[0, 0]])


def test_takes_torch_tensors():
    torch = pytest.importorskip("torch")
    np.testing.assert_array_equal(load_images(torch.from_numpy(PIXELS), RGB), PIXELS)
    floats = torch.rand(4, 6, 3, requires_grad=True)
    with pytest.raises(EdgeRuntimeError, match=r"Tensor|Parameter") as caught:
        load_images(floats, FLOAT)
    assert "detach" in str(caught.value)


def test_a_tensor_that_cannot_be_read_says_so():
    with pytest.raises(EdgeRuntimeError, match="This Elsewhere cannot be read as a numpy array"):
        load_images(Elsewhere(), RGB)


@pytest.mark.parametrize("url", ["http://x.org/a.png", "https://x.org/a.png", "s3://bucket/a.png"])
def test_a_url_is_called_one(url):
    with pytest.raises(EdgeRuntimeError, match=f"{url} is a URL; download the image first"):
        load_images(url, RGB)
    with pytest.raises(EdgeRuntimeError, match="is a URL; download the image first"):
        load_images(Path(url), RGB)


def test_resize_scales_arrays_as_it_scales_files():
    large = np.random.default_rng(3).integers(0, 256, (9, 12, 3), np.uint8)
    with pytest.raises(EdgeRuntimeError, match="Expected images of shape"):
        load_images(large, RGB)
    from_file = load_images(encoded(large), RGB, resize=True)
    np.testing.assert_array_equal(load_images(large, RGB, resize=True), from_file)
    np.testing.assert_array_equal(load_images([large], RGB, resize=True), from_file)
    batch = load_images(np.stack([large, large]), RGB, resize=True)
    np.testing.assert_array_equal(batch, from_file[[0, 0]])
    floats = load_images(large.astype(np.float32) / 255, FLOAT, resize=True)
    np.testing.assert_allclose(floats * 255, from_file, atol=1.01)  # not rounded to whole levels
    np.testing.assert_array_equal(load_images(PIXELS, RGB, resize=True), PIXELS)


@pytest.mark.parametrize("shape", [(9, 12), (9, 12, 1), (2, 9, 12), (2, 9, 12, 1)])
def test_resize_knows_every_layout_of_grey(shape):
    grey = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    scaled = load_images(grey, GREY, resize=True)
    single = grey.reshape(-1, 9, 12)
    for one, expected in zip(scaled, single, strict=True):
        np.testing.assert_array_equal(one, load_images(Image.fromarray(expected), GREY, resize=True)[0])


WITHOUT_PILLOW = """
import sys
sys.modules["PIL"] = None  # importing it now fails
import numpy as np
from edge_runtime import EdgeRuntimeError, load_images
from phasekey.bundle import ImageSpec
spec = ImageSpec(4, 6, 3, "uint8")
print(load_images(np.zeros((2, 4, 6, 3), np.uint8), spec).shape)
for given, resize in (("a.png", False), (np.zeros((8, 8, 3), np.uint8), True)):
    try:
        load_images(given, spec, resize=resize)
    except EdgeRuntimeError as error:
        print(error)
"""


def test_arrays_work_without_pillow():
    done = subprocess.run([sys.executable, "-c", WITHOUT_PILLOW], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    shape, *said = done.stdout.splitlines()
    assert shape == "(2, 4, 6, 3)"
    assert len(said) == 2
    assert all("need Pillow, which is not installed: pip install 'phasekey[images]'" in line for line in said)
