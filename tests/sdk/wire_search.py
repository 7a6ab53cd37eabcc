"""Looks for numbers and texts in bytes, however they were written down on their way."""

import base64
import binascii
import gzip
import re
import zlib

import numpy as np

_SHORTEST = 8  # bytes that are looked for: fewer are found by chance
_TYPES = [order + kind for kind in ("f2", "f4", "f8") for order in "<>"]
WRITINGS = {
    "as it is": lambda data: data,
    "base64": base64.b64encode,
    "base64 for addresses": base64.urlsafe_b64encode,
    "hexadecimal": lambda data: data.hex().encode(),
    "zlib": zlib.compress,
    "gzip": gzip.compress,
    "base64 of zlib": lambda data: base64.b64encode(zlib.compress(data)),
}


def numbers(array):
    """The rows of an array as bytes: in three precisions, both orders of bytes and both directions.

    A row is short enough not to be cut by HTTP/2's frames. Of rows that are too short, whole runs of them.
    """
    rows = np.asarray(array, np.float64).reshape(-1, np.shape(array)[-1])
    pieces = set()
    for kind in _TYPES:
        least = max(1, -(-_SHORTEST // (rows.shape[1] * np.dtype(kind).itemsize)))
        with np.errstate(over="ignore"):
            typed = rows.astype(kind)
        for at in range(0, len(rows) - least + 1, least):
            piece = typed[at : at + least].ravel()
            pieces |= {piece.tobytes(), piece[::-1].tobytes()}
    return pieces


def pictures(images):
    """Rows of images, (N, H, W, C) uint8: as bytes and as numbers, channels in both orders, and apart."""
    width, channels = images.shape[2:]
    together, apart = (-1, width * channels), (-1, width)
    pieces = set()
    for rows in (
        images.reshape(together),
        images[..., ::-1].reshape(together),
        images.transpose(0, 3, 1, 2).reshape(apart),
    ):
        pieces |= {rows[at : at + 2].tobytes() for at in range(0, len(rows), 2)}
        pieces |= numbers(rows) | numbers(rows / 255)
    return pieces


def unfolded(captured, depth=2):
    """The bytes, and all that stands in them as base64, hexadecimal, zlib or gzip, also one in another."""
    layers, new = [captured], [captured]
    for _ in range(depth):
        new = [inner for layer in new for inner in _inside(layer)]
        layers += new
    return layers


def found(captured, needles):
    """Which of the needles, {name: pieces}, are there in any writing."""
    layers = unfolded(captured)
    return {
        name
        for name, pieces in needles.items()
        if any(piece in layer for piece in pieces for layer in layers)
    }


def _inside(layer):
    for run in re.findall(rb"[A-Za-z0-9+/_-]{20,}", layer):
        plain = run.translate(bytes.maketrans(b"-_", b"+/"))
        yield from (base64.b64decode(_whole(plain[start:], 4)) for start in range(4))
    for run in re.findall(rb"[0-9a-fA-F]{32,}", layer):
        yield from (binascii.unhexlify(_whole(run[start:], 2)) for start in range(2))
    for start in (match.start() for match in re.finditer(rb"\x78|\x1f\x8b\x08", layer)):
        head = layer[start : start + 2]
        if head == b"\x1f\x8b" or (len(head) == 2 and int.from_bytes(head, "big") % 31 == 0):
            try:
                content = zlib.decompressobj(wbits=47).decompress(layer[start:])
            except zlib.error:
                continue
            if len(content) >= _SHORTEST:
                yield content


def _whole(run, size):
    return run[: len(run) // size * size]
