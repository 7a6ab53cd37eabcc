"""How large requests may get, and how large a reply can be. Pure: from the manifest to numbers."""

from __future__ import annotations

import math

import numpy as np

from phasekey.bundle import Manifest, TensorSpec

# Of the values of x in one request: servers take 64 MiB by default, and other requests wait for a large one.
LARGEST_X = 16 * 2**20  # bytes
_REPLY_MARGIN = 65_536  # bytes of a reply beside the values of h: names, shapes, parameters
# Of one value of h. Typed contents hold int8 as a varint, which takes ten bytes for a negative number.
_LARGEST_VALUE = {"float32": 4, "float16": 2, "int8": 10}


def images_per_request(manifest: Manifest, batch_size: int) -> int:
    """Most images in one request: batch_size, or as many as LARGEST_X has room for, but one at least."""
    spec = manifest.processing.inputs[0]
    each = samples_per_image(manifest) * _values(spec) * np.dtype(spec.dtype).itemsize
    return max(1, min(batch_size, LARGEST_X // each))


def largest_reply(manifest: Manifest, images: int) -> int:
    """Bytes that a right reply for so many images may take, raw or typed."""
    spec = manifest.processing.outputs[0]
    samples = images * samples_per_image(manifest)
    return samples * _values(spec) * _LARGEST_VALUE[spec.dtype] + _REPLY_MARGIN


def largest_request(manifest: Manifest, images: int) -> int:
    """Bytes of the values of x of so many images."""
    return images * bytes_per_image(manifest)[0]


def bytes_per_image(manifest: Manifest) -> tuple[int, int]:
    """Bytes of the values of x, and of h, for one image."""
    x, h = manifest.processing.inputs[0], manifest.processing.outputs[0]
    up, down = (_values(spec) * np.dtype(spec.dtype).itemsize for spec in (x, h))
    return samples_per_image(manifest) * up, samples_per_image(manifest) * down


def samples_per_image(manifest: Manifest) -> int:
    """Samples of x that one image goes out as: k where the k components travel by themselves."""
    return manifest.secret.components if manifest.secret.permutes else 1


def _values(spec: TensorSpec) -> int:
    """Values of one sample."""
    return math.prod(size or 1 for size in spec.shape[1:])
