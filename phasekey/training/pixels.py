"""Images by rows as tensors, whether they lie on the device or are decoded when asked for."""

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phasekey.training.data.lazy import Images


class Pixels:
    """`pixels[rows]`: uint8 (len(rows), H, W, C) on the device, for a tensor of row numbers.

    What is in memory is moved to the device once; the rest is decoded and moved batch by batch, one batch
    ahead of need where `ahead` says what comes next.
    """

    def __init__(self, images: Images, device: torch.device) -> None:
        self.device = device
        self._images = torch.from_numpy(images).to(device) if isinstance(images, np.ndarray) else images
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="decode-ahead")  # started when first used
        self._next: tuple[Tensor, Future[NDArray[np.uint8]]] | None = None

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, rows: Tensor) -> Tensor:
        if isinstance(self._images, Tensor):
            return self._images[rows.to(self.device)]
        asked, self._next = self._next, None
        if asked is not None and torch.equal(asked[0], rows):
            return torch.from_numpy(asked[1].result()).to(self.device)
        return torch.from_numpy(self._images[rows.cpu().numpy()]).to(self.device)

    def ahead(self, rows: Tensor) -> None:
        """Begin to decode the rows that will be asked for next, while others are trained on."""
        if not isinstance(self._images, Tensor):
            self._next = rows, self._thread.submit(self._images.__getitem__, rows.cpu().numpy())


def spread(images: Images, most: int) -> Tensor:
    """Pick images evenly spaced over all.

    Args:
        images: uint8 (N, H, W, C).
        most: how many at most.

    Returns:
        uint8 (≤ most, H, W, C), on the CPU.
    """
    return torch.from_numpy(images[:: -(-len(images) // most)])
