"""The page holds what was sent, and no label can break out of it."""

import base64
import io
import json
import re

import numpy as np
from PIL import Image

from phasekey.demo.page import Candidates, PageContent, Transmission, render

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)


def content(answer: str = "7") -> PageContent:
    features = RNG.normal(size=(4, 5, 6)).astype(np.float32)
    features[:, 2] = np.nan
    x = RNG.normal(size=(24, 12)).astype(np.float32)
    return PageContent(
        anonymous=[Candidates(IMAGES, features, 2, answer)],
        bounded=[Transmission(IMAGES[0], x, answer)],
        nats=0.276, budget=5.0, figures=[("accuracy", "97%")],
    )  # fmt: skip


def data_of(page: str):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def pixels(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))))


def test_the_page_holds_the_images_and_the_place_of_the_input() -> None:
    data = data_of(render(content()))
    for shown, image in zip(data["anonymous"][0]["images"], IMAGES, strict=True):
        np.testing.assert_array_equal(pixels(shown), image[..., 0])
    assert data["anonymous"][0]["position"] == 2
    assert (data["k"], data["components"], data["values"], data["nats"]) == (4, 24, 12, 0.276)


def test_gaps_are_clear_and_values_keep_their_order() -> None:
    data = data_of(render(content()))
    map_ = pixels(data["anonymous"][0]["features"][0])
    assert (map_[12:18, :, 3] == 0).all()
    assert (map_[:12, :, 3] == 255).all()


def test_a_label_cannot_end_the_script() -> None:
    page = render(content(answer="</script><script>alert(1)</script>"))
    assert data_of(page)["bounded"][0]["answer"] == "</script><script>alert(1)</script>"
    assert "alert" not in page.replace(page[page.index('id="data"') : page.index("</script>")], "")


def test_the_page_loads_nothing_from_elsewhere() -> None:
    page = render(content())
    assert not re.search(r"""(src|href|url)\s*[=(]\s*["']?(https?:)?//""", page)
    assert "default-src 'none'" in page
