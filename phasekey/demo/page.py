"""demo.html: one self-contained page on what the cloud receives, in each mode; pure, from arrays to text.

The page loads nothing: pictures are PNGs in data URIs, style and script stand in the template beside this
module. Its figures are those of the transmissions that it is given.
"""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image

TEMPLATE = Path(__file__).with_name("page.html")
PLACE = "/*DATA*/"
ENLARGED = 6  # pixels on the page for each value of a map, before the browser scales it


@dataclass(frozen=True)
class Candidates:
    """One transmission of the mode `anonymous`.

    Attributes:
        images: (k, H, W, C) uint8, the input and its k - 1 decoys in the secret order in which they went out.
        features: (k, H', W') float, what the cloud received of each, channels side by side; NaN is a gap.
        position: which of the k is the input.
        answer: the label that the device read.
    """

    images: NDArray[np.uint8]
    features: NDArray[np.float32]
    position: int
    answer: str


@dataclass(frozen=True)
class Transmission:
    """One transmission of the mode `bounded`.

    Attributes:
        image: (H, W, C) uint8, which stays on the device.
        x: (k, D) float, the rows that the cloud received.
        answer: the label that the device read.
    """

    image: NDArray[np.uint8]
    x: NDArray[np.float32]
    answer: str


@dataclass(frozen=True)
class PageContent:
    """All that the page shows.

    Attributes:
        anonymous: transmissions for the guessing game, all of one k.
        bounded: transmissions that spend the budget, in order.
        nats: what one of `bounded` tells at most (theorem B), in nats.
        budget: what the device is ready to tell in all, in nats.
        figures: rows (name, value) of the demo's table.
    """

    anonymous: Sequence[Candidates]
    bounded: Sequence[Transmission]
    nats: float
    budget: float
    figures: Sequence[tuple[str, str]]


def render(content: PageContent) -> str:
    """Fill the template.

    Args:
        content: what to show; at least one transmission of each mode.

    Returns:
        A whole HTML document.
    """
    # "<" is the one character by which data could end the script element that it stands in.
    data = json.dumps(_data(content), allow_nan=False).replace("<", "\\u003c")
    return TEMPLATE.read_text(encoding="utf-8").replace(PLACE, data)


def _data(content: PageContent) -> dict[str, Any]:
    return {
        "anonymous": [_candidates(sent) for sent in content.anonymous],
        "bounded": [
            {"image": _photo(sent.image), "x": _heat_map(sent.x.T), "answer": sent.answer}
            for sent in content.bounded
        ],
        "k": len(content.anonymous[0].images),
        "components": len(content.bounded[0].x),
        "values": content.bounded[0].x.shape[1],
        "nats": content.nats,
        "budget": content.budget,
        "figures": [list(row) for row in content.figures],
    }


def _candidates(sent: Candidates) -> dict[str, Any]:
    return {
        "images": [_photo(image) for image in sent.images],
        "features": [_heat_map(feature) for feature in sent.features],
        "position": sent.position,
        "answer": sent.answer,
    }


def _photo(image: NDArray[np.uint8]) -> str:
    return _data_uri(Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image))


def _heat_map(values: NDArray[np.float32]) -> str:
    """Colours from the smallest to the largest value; gaps (NaN) are clear."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    shades = mpl.colormaps["viridis"]((values - low) / max(high - low, 1e-12), bytes=True)
    shades[np.isnan(values), 3] = 0
    return _data_uri(Image.fromarray(shades.repeat(ENLARGED, 0).repeat(ENLARGED, 1)))


def _data_uri(picture: Image.Image) -> str:
    written = io.BytesIO()
    picture.save(written, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(written.getvalue()).decode()
