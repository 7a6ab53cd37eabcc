"""Tiny data sets in the exact layouts of the published ones."""

import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TEN = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
COARSE = [f"superclass_{number}" for number in range(20)]
FINE = [f"class_{number}" for number in range(100)]
TRAIN_ROWS, TEST_ROWS = 2, 3  # images in each file

CELEBA_NAMES = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair "
    "Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup "
    "High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose "
    "Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat "
    "Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young"
)


def python2_pickle(value) -> bytes:
    """What cPickle of Python 2 wrote with protocol 2: text as byte strings, arrays by numpy.core."""
    return b"\x80\x02" + opcodes(value) + b"."


def opcodes(value) -> bytes:
    if isinstance(value, str | bytes):
        text = value.encode("latin-1") if isinstance(value, str) else value
        return (b"U" + bytes([len(text)]) if len(text) < 256 else b"T" + struct.pack("<i", len(text))) + text
    if isinstance(value, int):
        return b"K" + bytes([value]) if value < 256 else b"J" + struct.pack("<i", value)
    if isinstance(value, list):
        return b"](" + b"".join(map(opcodes, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(opcodes(part) for pair in value.items() for part in pair) + b"u"
    rows, columns = map(opcodes, value.shape)
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
        b"(K\x01" + rows + columns + b"\x86"
        b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89" + opcodes(value.tobytes()) + b"tb"
    )


def rows(seed, count):
    """(count, 3072) random values: planes R, G, B of 32 × 32."""
    return np.random.default_rng(seed).integers(0, 256, (count, 3072), np.uint8)


def write_files(folder, files) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def pickled():
    return python2_pickle


@pytest.fixture
def cifar(tmp_path):
    """Write one of the four CIFAR layouts, unpacked; fine labels start at 7 × a file's seed, others at it."""

    def write(kind) -> Path:
        return write_files(tmp_path / FOLDER[kind], {**BATCHES[kind](), **NAMES[kind]})

    return write


FOLDER = {
    "cifar-10-python": "cifar-10-batches-py", "cifar-10-binary": "cifar-10-batches-bin",
    "cifar-100-python": "cifar-100-python", "cifar-100-binary": "cifar-100-binary",
}  # fmt: skip
NAMES = {
    "cifar-10-python": {
        "batches.meta": python2_pickle({"num_cases_per_batch": 10000, "label_names": TEN, "num_vis": 3072})
    },
    "cifar-10-binary": {"batches.meta.txt": ("\n".join(TEN) + "\n\n").encode()},
    "cifar-100-python": {"meta": python2_pickle({"fine_label_names": FINE, "coarse_label_names": COARSE})},
    "cifar-100-binary": {
        "fine_label_names.txt": ("\n".join(FINE) + "\n").encode(),
        "coarse_label_names.txt": ("\n".join(COARSE) + "\n").encode(),
    },
}


def ten_python():
    """Files 1 to 5 and the test, seeds 1 to 6; the labels of file s are s, s + 1, …"""
    return {
        name: python2_pickle({
            "batch_label": f"{name} of 5", "labels": [seed + row for row in range(count)],
            "data": rows(seed, count), "filenames": [f"s_{row:06}.png" for row in range(count)],
        })
        for seed, name, count in ten_files("")
    }  # fmt: skip


def ten_binary():
    return {
        name: b"".join(bytes([seed + row]) + pixels.tobytes() for row, pixels in enumerate(rows(seed, count)))
        for seed, name, count in ten_files(".bin")
    }


def ten_files(suffix):
    files = [(seed, f"data_batch_{seed}{suffix}", TRAIN_ROWS) for seed in range(1, 6)]
    return [*files, (6, f"test_batch{suffix}", TEST_ROWS)]


def hundred_python():
    return {
        name: python2_pickle({
            "filenames": [f"s_{row:06}.png" for row in range(count)], "batch_label": f"{name} batch 1 of 1",
            "fine_labels": [7 * seed + row for row in range(count)],
            "coarse_labels": [seed + row for row in range(count)], "data": rows(seed, count),
        })
        for seed, name, count in ((11, "train", TRAIN_ROWS), (12, "test", TEST_ROWS))
    }  # fmt: skip


def hundred_binary():
    """Records of the coarse label, the fine label and the pixels."""
    return {
        name: b"".join(
            bytes([seed + row, 7 * seed + row]) + pixels.tobytes()
            for row, pixels in enumerate(rows(seed, count))
        )
        for seed, name, count in ((11, "train.bin", TRAIN_ROWS), (12, "test.bin", TEST_ROWS))
    }


BATCHES = {
    "cifar-10-python": ten_python, "cifar-10-binary": ten_binary,
    "cifar-100-python": hundred_python, "cifar-100-binary": hundred_binary,
}  # fmt: skip


@pytest.fixture
def cifar_rows():
    return rows


@pytest.fixture
def packed(tmp_path):
    """Pack a folder into a .tar.gz under its own name, with the folder itself as the first member."""

    def pack(folder, name) -> Path:
        with tarfile.open(tmp_path / name, "w:gz") as archive:
            archive.add(folder, folder.name)
        return tmp_path / name

    return pack


@pytest.fixture
def celeba(tmp_path):
    """Seven faces, flat: 1 to 3 for training, 4 for validation, 5 to 7 for the test.

    Face n has the attributes whose number (from 0) is divisible by n. Its image is all of value 30n.
    """
    folder = tmp_path / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    lines, parts = ["7", CELEBA_NAMES + " "], []
    for number in range(1, 8):
        name = f"{number:06}.jpg"
        values = " ".join(f"{1 if place % number == 0 else -1:2}" for place in range(40))
        lines.append(f"{name} {values}")
        parts.append(f"{name} {0 if number <= 3 else 1 if number == 4 else 2}")
        Image.new("RGB", (178, 218), (30 * number,) * 3).save(folder / "img_align_celeba" / name)
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    (folder / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")
    return folder


@pytest.fixture
def cub200(tmp_path):
    """Six photographs of three kinds of birds: odd ones for training, even ones for the test.

    Photograph n is 40 × (20 + n), of value 10n, with a white bird in the box (4, 6) to (14, 16).
    """
    root = tmp_path / "CUB_200_2011"
    kinds = ["001.Black_footed_Albatross", "002.Laysan_Albatross", "003.Sooty_Albatross"]
    lists = {"images": [], "image_class_labels": [], "train_test_split": [], "bounding_boxes": []}
    for number in range(1, 7):
        kind = (number - 1) // 2
        name = f"{kinds[kind]}/{kinds[kind][4:]}_{number:04}_{number}.jpg"
        pixels = np.full((20 + number, 40, 3), 10 * number, np.uint8)
        pixels[6:16, 4:14] = 255
        (root / "images" / kinds[kind]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / "images" / name, quality=100, subsampling=0)
        lists["images"].append(f"{number} {name}")
        lists["image_class_labels"].append(f"{number} {kind + 1}")
        lists["train_test_split"].append(f"{number} {number % 2}")
        lists["bounding_boxes"].append(f"{number} 4.0 6.0 10.0 10.0")
    lists["classes"] = [f"{number} {kind}" for number, kind in enumerate(kinds, 1)]
    for name, lines in lists.items():
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return root
