"""Images by rows as tensors, whether they lie on the device or are decoded when asked for."""

import numpy as np
import torch
from torch import Tensor

from phasekey.training.data.lazy import Images


class Pixels:
    """`pixels[rows]`: uint8 (len(rows), H, W, C) on the device, for a tensor of row numbers.

    What is in memory is moved to the device once; the rest is decoded and moved batch by batch.
    """

    def __init__(self, images: Images, device: torch.device) -> None:
        self.device = device
        self._images = torch.from_numpy(images).to(device) if isinstance(images, np.ndarray) else images

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, rows: Tensor) -> Tensor:
        if isinstance(self._images, Tensor):
            return self._images[rows.to(self.device)]
        return torch.from_numpy(self._images[rows.cpu().numpy()]).to(self.device)


def spread(images: Images, most: int) -> Tensor:
    """About `most` images, evenly spaced over all: uint8 (≤ 2 · most, H, W, C), on the CPU."""
    return torch.from_numpy(images[:: max(1, len(images) // most)])
