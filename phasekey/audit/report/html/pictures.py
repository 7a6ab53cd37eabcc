"""The paper's Figures 2, 7 and 8 for this model: inputs, rebuilt images, wrong angles, the right one."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from phasekey.audit.numerics.arrays import to_bytes, unit
from phasekey.audit.report.html.markup import Html, section, tag
from phasekey.audit.report.judgement.numbers import in_table
from phasekey.audit.report.judgement.terms import words
from phasekey.audit.result.examples import Examples
from phasekey.audit.result.result import Audit

SHOWN = 8  # images in a row, few enough to see each on a phone
SWEPT = 3  # images with their wrong angles
LARGEST = 96  # pixels to the side: large photos are shown smaller, so that the page stays light
GAP = 16  # one part in so many of an image's side lies between two


@dataclass(frozen=True)
class Row:
    """Images side by side (E, H, W, C), float in [0, 1], with what they are and a remark."""

    label: str
    remark: str
    images: NDArray[np.floating]


def rows(audit: Audit, examples: Examples) -> tuple[Row, ...]:
    """The input, the right key and every inversion attack, in the attacks' order (Figures 2 and 8).

    Args:
        audit: of the attacks.
        examples: the images.

    Returns:
        Eight images to a row at most.
    """
    found = [Row("The image", "what should stay at home", unit(examples.inputs[:SHOWN]))]
    if examples.right_key is not None:
        found.append(Row("With the right key", _remark(audit, "right-key"), examples.right_key[:SHOWN]))
    for name, guesses in examples.guesses.items():
        tries = guesses.shape[1]
        for at in range(tries):
            which = f", try {at + 1} of {tries}" if tries > 1 else ""
            found.append(Row(f"{_title(audit, name)}{which}", _remark(audit, name), guesses[:SHOWN, at]))
    return tuple(found)


def sweep(examples: Examples) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """What the right key's decoder makes of keys that are off (Figure 7).

    Args:
        examples: the images.

    Returns:
        Names of the angles, and a row for each image; both empty where there is no sweep.
    """
    if examples.sweep is None or examples.sweep_angles is None:
        return (), ()
    names = tuple(f"{degrees:.0f}°" for degrees in np.degrees(examples.sweep_angles))
    shown = zip(examples.sweep[:SWEPT], range(1, SWEPT + 1), strict=False)
    return names, tuple(Row(f"Image {count}", "", images) for images, count in shown)


def pictures(audit: Audit, examples: Examples) -> Html:
    """What attackers made of single transmissions.

    Args:
        audit: of the attacks.
        examples: the images.

    Returns:
        The section of the page.
    """
    heading = "What attackers see"
    if not len(examples.inputs):
        return section(heading, tag("p", words()["explained"]["no_pictures"]), id_="pictures")
    explained = tag("p", words()["explained"]["pictures"])
    return section(heading, explained, _grid(rows(audit, examples)), *_sweep(examples), id_="pictures")


def _sweep(examples: Examples) -> Iterable[Html]:
    names, found = sweep(examples)
    if not found:
        return
    yield tag("h3", "With the key off by an angle")
    yield tag("p", words()["explained"]["sweep"])
    marks = dict.fromkeys((names[0], names[len(names) // 2], names[-1]))
    yield tag("div", *(tag("span", name) for name in marks), class_="angles", aria_hidden="true")
    yield _grid(found, f", from {names[0]} to {names[-1]} off")


def _grid(found: Iterable[Row], what: str = "") -> Html:
    return tag("div", *(_figure(row, what) for row in found), class_="strips")


def _figure(row: Row, what: str) -> Html:
    remark = tag("span", row.remark, class_="remark") if row.remark else None
    alt = f"{row.label}{what}: {len(row.images)} images side by side"
    return tag(
        "figure",
        tag("figcaption", tag("strong", row.label), " ", remark),
        tag("img", src=data_uri(strip(row.images)), alt=alt),
    )


def strip(images: NDArray[np.floating]) -> Image.Image:
    """Images side by side with see-through gaps.

    Args:
        images: (E, H, W, C) in [0, 1].

    Returns:
        One picture.
    """
    shrunk = [_small(image) for image in images]
    width, height = shrunk[0].size
    gap = max(1, width // GAP)
    sheet = Image.new("RGBA", (len(shrunk) * (width + gap) - gap, height))
    for at, image in enumerate(shrunk):
        sheet.paste(image, (at * (width + gap), 0))
    return sheet


def data_uri(picture: Image.Image) -> str:
    """A picture as a PNG within the page.

    Args:
        picture: to encode.

    Returns:
        data:image/png;base64,…
    """
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _small(image: NDArray[np.floating]) -> Image.Image:
    values = to_bytes(image)
    picture = Image.fromarray(values.squeeze(-1) if values.shape[-1] == 1 else values).convert("RGB")
    picture.thumbnail((LARGEST, LARGEST))
    return picture


def _title(audit: Audit, name: str) -> str:
    return next((attack.title for attack in audit.attacks if attack.name == name), name)


def _remark(audit: Audit, name: str) -> str:
    """The attack's error over the whole test split, which eight images cannot show."""
    figures = [figure for attack in audit.attacks if attack.name == name for figure in attack.figures]
    found = next((figure for figure in figures if figure.key.startswith("rmse")), None)
    return "" if found is None else f"RMSE {in_table(found.value, 'number')}"
