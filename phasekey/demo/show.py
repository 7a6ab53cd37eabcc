"""From what was measured to the picture and the page."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from phasekey.demo.measure import Mode, Seen, components_of, held_out
from phasekey.demo.page import Candidates, PageContent, Transmission, render
from phasekey.demo.picture import Row, draw, mosaic
from phasekey.model import SplitNetwork
from phasekey.model.hiding.secrets import draw_secret, reveal
from phasekey.training.evaluate import to_float

SHOWN = 5  # rows of the picture
ROUNDS, SENT = 20, 25  # of the guessing game; images that go out on the page
BUDGET = 4.0  # nats, on the page: used up before SENT images

Pixels = NDArray[np.uint8]


def write_page(
    path: Path, modes: dict[str, Mode], bounded: Seen, anonymous: Seen, candidates: Pixels,
    positions: NDArray[np.int64], network: SplitNetwork, nats: float,
) -> Path:  # fmt: skip
    """Write demo.html.

    Args:
        path: where.
        modes: the figures by mode.
        bounded, anonymous: what was sent.
        candidates: (N, k, H, W, C), images of each transmission of the mode anonymous, in the order sent.
        positions: (N,), which of them is the input.
        network: of the mode bounded.
        nats: what one of its transmissions tells at most.

    Returns:
        The path.
    """
    rows = components_of(network, bounded.x)
    maps = [np.stack([mosaic(row) for row in sent]) for sent in anonymous.x[:ROUNDS]]
    content = PageContent(
        anonymous=[
            Candidates(candidates[i], maps[i], int(positions[i]), answer)
            for i, answer in enumerate(anonymous.answers[:ROUNDS])
        ],
        bounded=[
            Transmission(bounded.images[i], rows[i], answer)
            for i, answer in enumerate(bounded.answers[:SENT])
        ],
        nats=nats,
        budget=BUDGET,
        figures=[(f"{name}: {what}", value) for name, mode in modes.items() for what, value in mode.rows()],
    )
    path.write_text(render(content), encoding="utf-8")
    return path


def write_picture(
    path: Path, bounded: Seen, candidates: Pixels, positions: NDArray[np.int64], network: SplitNetwork,
    secrets: NDArray[np.float64], nats: float,
) -> Path:  # fmt: skip
    """Draw demo.png: five digits in each mode; see `write_page` for the arguments, secrets (N, k, k)."""
    x = torch.from_numpy(bounded.x[:SHOWN])
    right = torch.from_numpy(secrets[:SHOWN])
    other = draw_secret("orthogonal", SHOWN, network.components, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        h = network.processing(x)
        decoded = [network.decoder(reveal(h, q)).softmax(1).numpy() for q in (right, other)]
    rows = components_of(network, bounded.x)
    return draw(_rows(bounded, rows, decoded, candidates, positions), nats, path)


def _rows(
    bounded: Seen, x: NDArray[np.float32], decoded: Sequence[NDArray[np.float32]], candidates: Pixels,
    positions: NDArray[np.int64],
) -> list[Row]:  # fmt: skip
    images, labels = bounded.images, bounded.labels
    right, wrong = decoded
    return [
        Row(images[i], int(labels[i]), x[i], right[i], wrong[i], candidates[i], int(positions[i]))
        for i in range(SHOWN)
    ]


def candidates_of(network: SplitNetwork, seen: Seen) -> Pixels:
    """Find which images were sent together: for each of k samples, the digit of the nearest feature.

    Args:
        network: the plain one.
        seen: what was sent, x (N, k, ...).

    Returns:
        (N, k, H, W, C), in the order sent.
    """
    images, _ = held_out()
    with torch.no_grad():
        features = network.encoder(to_float(torch.from_numpy(images))).flatten(1).numpy()
    sent = seen.x.reshape(len(seen.x) * seen.x.shape[1], -1)
    away = (features**2).sum(1) - 2 * sent @ features.T
    found: Pixels = images[away.argmin(1)].reshape(*seen.x.shape[:2], *images.shape[1:])
    return found
