"""How pixels are scaled for the first layer."""

import math

import torch
from torch import Tensor, nn

from phasekey.model.errors import ModelError

Scale = float | tuple[float, ...]


class Centre(nn.Module):
    """Images (N, C, H, W) in [0, 1] -> (pixel - mean) / std, of the same shape.

    By default about zero mean and unit variance, the same for every data set: no statistic of the training
    images has to travel, and the first convolution learns the rest. Weights that were trained elsewhere know
    inputs of another scale: give theirs, one number each or one for each channel.

    Raises:
        ModelError: another number of values than channels, or a std that is not above zero.
    """

    mean: Tensor | float
    factor: Tensor | float

    def __init__(self, channels: int, mean: Scale = 0.5, std: Scale = 0.25) -> None:
        super().__init__()
        means, stds = _values("pixel_mean", mean, channels), _values("pixel_std", std, channels)
        if not all(value > 0 for value in stds):
            raise ModelError(f"pixel_std must be above zero, but is {std!r}; without scaling it is 1")
        self._hold("mean", means)
        self._hold("factor", [1 / value for value in stds])

    def _hold(self, name: str, values: list[float]) -> None:
        """One number as it is; several as a buffer, which moves along but is no part of the state: the
        architecture says it."""
        if len(values) == 1:
            setattr(self, name, values[0])
        else:
            self.register_buffer(name, torch.tensor(values).reshape(-1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) * self.factor


def _values(name: str, given: Scale, channels: int) -> list[float]:
    values = list(given) if isinstance(given, tuple | list) else [given]
    numbers = all(isinstance(value, int | float) and math.isfinite(value) for value in values)
    if not numbers or len(values) not in (1, channels):
        raise ModelError(
            f"{name} takes one finite number, or one for each of {channels} channels, of pixels from 0 to 1; "
            f"got {given!r}"
        )
    return [float(value) for value in values]
