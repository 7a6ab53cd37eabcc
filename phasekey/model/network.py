"""A network split in three: encoder, processing module, decoder (Figure 1a), in any of its four forms."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from phasekey.model.build import Builder, Shape
from phasekey.model.description import Architecture
from phasekey.model.errors import ModelError
from phasekey.model.heads import Generator
from phasekey.model.rotation import fold, rotate, unfold, unrotate
from phasekey.model.sampler import ImageSampler

Form = Literal["original", "additional", "noisy", "complex"]
FORMS: tuple[Form, ...] = get_args(Form)


class Centre(nn.Module):
    """Images in [0, 1] -> about zero mean and unit variance. The same for every data set: no statistic
    of the training images has to travel, and the first convolution learns the rest."""

    def forward(self, images: Tensor) -> Tensor:
        return (images - 0.5) * 4.0


class Processing(nn.Module):
    """Φ: pair layout (N, 2C, H, W) -> pair layout (N, 2C', H', W') or (N, 2D); folded inside."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        return unfold(self.layers(fold(x)))


class SplitNetwork(nn.Module):
    """Encoder, processing module and decoder of one architecture.

    form: `complex` is the paper's; `original` the plain network; `additional` has the generator but
    no rotation; `noisy` is the original with γ·ε added to the feature (section 5.1, baselines 1-3).
    image: (C, H, W) of the input. gamma: γ of the noisy form.
    Raises ModelError where the image is too small for the layers.
    """

    def __init__(
        self,
        architecture: Architecture,
        *,
        classes: int,
        image: tuple[int, int, int],
        form: Form = "complex",
        gamma: float = 0.0,
    ) -> None:
        super().__init__()
        if form not in FORMS:
            raise ModelError(f"unknown form {form!r}; choose one of {', '.join(FORMS)}")
        self.architecture, self.form, self.gamma, self.image = architecture, form, gamma, image
        layers, first, last = architecture.layers, architecture.encoder_end, architecture.decoder_start
        builder = Builder(image, classes, architecture.threshold)
        encoder = [Centre(), builder.sequence(layers[:first])]
        if form in ("additional", "complex"):
            encoder.append(Generator(builder.shape[0]))
        self.encoder = nn.Sequential(*encoder)
        self.feature_shape: Shape = builder.shape
        builder.complex_form = form == "complex"
        processing = builder.sequence(layers[first:last])
        self.processing: nn.Module = Processing(processing) if form == "complex" else processing
        self.processed_shape: Shape = builder.shape
        builder.complex_form = False
        self.decoder = builder.sequence(layers[last:])
        self.sampler = ImageSampler(image)

    def forward(self, images: Tensor, theta: Tensor | None = None, decoy: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in [0, 1] -> logits (N, classes).

        Complex form: theta (N,) radians, drawn from U[0, 2π) for each sample where None; decoy b like
        the feature, where None the feature of another sample of the batch (section 4.2). The other
        forms take neither.
        """
        if self.form == "complex":
            return self.answer(*self.hide(images, decoy), theta)
        feature = self.encoder(images)
        if self.form == "noisy":
            feature = feature + self.gamma * noise_like(feature)
        logits: Tensor = self.decoder(self.processing(feature))
        return logits

    def hide(self, images: Tensor, decoy: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What the rotation mixes: feature a = g(I) and decoy b, both (N, ...); complex form only.

        decoy None: the feature of another sample of the batch (section 4.2).
        """
        feature = self.encoder(images)
        return feature, other_samples(feature) if decoy is None else decoy

    def answer(self, feature: Tensor, decoy: Tensor, theta: Tensor | None = None) -> Tensor:
        """Rotate, process, undo the rotation and decode: features -> logits (N, classes); complex form only.

        theta (N,) radians, drawn from U[0, 2π) for each sample where None.
        """
        if theta is None:
            theta = 2 * math.pi * torch.rand(len(feature), device=feature.device)
        h = self.processing(rotate(feature, decoy, theta))
        logits: Tensor = self.decoder(unrotate(h, theta))
        return logits


def other_samples(feature: Tensor) -> Tensor:
    """Each sample's decoy: the feature of another sample of the batch, (N, ...) -> (N, ...), N ≥ 2."""
    if len(feature) < 2:
        raise ModelError(
            "a batch of one sample has no other sample to take a decoy from; pass `decoy`, or a larger batch"
        )
    shift = int(torch.randint(1, len(feature), ()))
    return feature.roll(shift, dims=0)


def noise_like(feature: Tensor) -> Tensor:
    """ε: Gaussian noise with the average magnitude of the feature, (N, ...) -> (N, ...)."""
    noise = torch.randn_like(feature)
    return noise * (feature.detach().abs().mean() / noise.abs().mean())
