"""Which images each simulated device holds."""

import numpy as np
from numpy.typing import NDArray

from phasekey.federated.errors import FederatedError

Rows = NDArray[np.int64]
LEAST = 8  # images of a device: fewer make no batch with decoys of other images
TRIES = 1000


def parse_split(words: str) -> float | None:
    """Read the words of `--split`.

    Args:
        words: `iid`, or `dirichlet:ALPHA`.

    Returns:
        ALPHA; None of `iid`.

    Raises:
        FederatedError: for other words, or an ALPHA that is no number above 0.
    """
    kind, _, value = words.partition(":")
    if words == "iid":
        return None
    try:
        alpha = float(value)
    except ValueError:
        alpha = 0.0
    if kind != "dirichlet" or not 0 < alpha < float("inf"):
        raise FederatedError(f"--split takes iid or dirichlet:ALPHA, ALPHA above 0; got {words!r}")
    return alpha


def deal(labels: NDArray[np.int64], clients: int, alpha: float | None, seed: int) -> list[Rows]:
    """Deal images to devices, each image to one of them.

    Args:
        labels: (N,) class indices.
        clients: devices.
        alpha: of the Dirichlet law that each class is shared out by (Hsu et al. 2019, section 3, shares
            the classes of a device; Yurochkin et al. 2019 the devices of a class, as here); the smaller, the
            more devices differ. None shares evenly.
        seed: of the draw.

    Returns:
        For each device the rows that it holds, ascending.

    Raises:
        FederatedError: where some device would hold fewer than 8 images.
    """
    if clients < 1 or len(labels) < LEAST * clients:
        raise FederatedError(
            f"{len(labels)} images are too few for {clients} devices of {LEAST} or more: use fewer --clients"
        )
    generator = np.random.default_rng(seed)
    for _ in range(TRIES):
        owner = _owners(labels, clients, alpha, generator)
        if np.bincount(owner, minlength=clients).min() >= LEAST:
            return [np.flatnonzero(owner == client) for client in range(clients)]
    raise FederatedError(
        f"no draw of {TRIES} left each of {clients} devices {LEAST} images: use fewer --clients or a larger "
        "ALPHA"
    )


def _owners(labels: Rows, clients: int, alpha: float | None, generator: np.random.Generator) -> Rows:
    owner = np.empty(len(labels), dtype=np.int64)
    if alpha is None:
        owner[generator.permutation(len(labels))] = np.arange(len(labels)) % clients
        return owner
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        ends = np.cumsum(generator.dirichlet(np.full(clients, alpha)))[:-1] * len(rows)
        for client, part in enumerate(np.split(rows, ends.astype(np.int64))):
            owner[part] = client
    return owner
