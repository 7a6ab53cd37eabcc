"""A network split in three: encoder, processing module, decoder (Figure 1a), in any of its four forms."""

import math
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from phasekey.model.build import Builder, Shape
from phasekey.model.decoys import DECOY_LAWS, DecoyLaw, draw_decoy
from phasekey.model.description import Architecture
from phasekey.model.errors import ModelError
from phasekey.model.heads import BOTTLENECKS, HeadName, build_head, build_opening, check_head
from phasekey.model.pixels import Centre
from phasekey.model.rotation import fold, rotate, unfold, unrotate
from phasekey.model.sampler import ImageSampler

Form = Literal["original", "additional", "noisy", "complex"]
FORMS: tuple[Form, ...] = get_args(Form)
Task = Literal["classes", "attributes"]
TASKS: tuple[Task, ...] = get_args(Task)


class Processing(nn.Module):
    """Φ: pair layout (N, 2C, H, W) or (N, 2D) -> pair layout (N, 2C', H', W') or (N, 2D'); folded inside."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        return unfold(self.layers(fold(x)))


class SplitNetwork(nn.Module):
    """Encoder, processing module and decoder of one architecture.

    form: `complex` is the paper's; `original` the plain network; `additional` has the head but
    no rotation; `noisy` is the original with γ·ε added to the feature (section 5.1, baselines 1-3).
    image: (C, H, W) of the input. gamma: γ of the noisy form. head, width: what the encoder ends in;
    the original and noisy forms have none. decoy: the law of decoys in training. task: what the logits
    are of, classes of which one is right, or attributes that go together.
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
        head: HeadName = "paper",
        width: int | None = None,
        decoy: DecoyLaw = "another-input",
        task: Task = "classes",
    ) -> None:
        super().__init__()
        if form not in FORMS:
            raise ModelError(f"unknown form {form!r}; choose one of {', '.join(FORMS)}")
        if decoy not in DECOY_LAWS:
            raise ModelError(f"unknown decoy {decoy!r}; choose one of {', '.join(DECOY_LAWS)}")
        if task not in TASKS:
            raise ModelError(f"unknown task {task!r}; choose one of {', '.join(TASKS)}")
        check_head(head, width)
        self.architecture, self.form, self.gamma, self.image = architecture, form, gamma, image
        self.head, self.decoy, self.task = head, decoy, task
        builder = Builder(image, classes, architecture.threshold, architecture.mean_norms)
        self._build(builder, width)
        self.sampler = ImageSampler(image)

    def _build(self, builder: Builder, width: int | None) -> None:
        layers, first, last = (
            self.architecture.layers, self.architecture.encoder_end, self.architecture.decoder_start
        )  # fmt: skip
        centre = Centre(self.image[0], self.architecture.pixel_mean, self.architecture.pixel_std)
        encoder, before = [centre, builder.sequence(layers[:first])], None
        if self.form in ("additional", "complex"):
            head, before = build_head(builder, self.head, width)
            encoder.append(head)
        self.encoder = nn.Sequential(*encoder)
        self.feature_shape: Shape = builder.shape
        builder.complex_form = self.form == "complex"
        opening = [] if before is None else build_opening(builder, before)
        processing = nn.Sequential(*opening, *builder.sequence(layers[first:last]))
        self.processing: nn.Module = Processing(processing) if self.form == "complex" else processing
        self.processed_shape: Shape = builder.shape
        builder.complex_form = False
        self.decoder = builder.sequence(layers[last:])

    @property
    def decoy_source(self) -> str:
        """What a device draws decoys from, whatever hid features in training.

        `gaussian-images`: b = g(I'), I' from the sampler. `gaussian-features`: b is the noise itself, for a
        bottleneck trained with Gaussian decoys: its norm makes N(0, I) the Gaussian law of its features.
        """
        return f"gaussian-{'features' if self._noise_is_decoy else 'images'}"

    @property
    def hides(self) -> bool:
        """Whether devices would draw a decoy of its own for each image: False where the rotation is there,
        decoys come from the sampler, and nobody fitted it. Then all decoys are one, which anyone can compute,
        and the angle follows."""
        return self.form != "complex" or self._noise_is_decoy or self.sampler.fitted

    @property
    def noise_size(self) -> int:
        """Standard normal numbers that a device needs for one decoy."""
        return self.feature_shape[0] if self._noise_is_decoy else self.sampler.noise_size

    @property
    def _noise_is_decoy(self) -> bool:
        return self.head in BOTTLENECKS and self.decoy == "gaussian"

    def forward(self, images: Tensor, theta: Tensor | None = None, decoy: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) in [0, 1] -> logits (N, classes).

        Complex form: theta (N,) radians, drawn from U[0, 2π) for each sample where None; decoy b like
        the feature, drawn by the law of training where None. The other forms take neither.
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

        decoy None: drawn by the law of training; the paper's is the feature of another sample (section 4.2).
        """
        feature = self.encoder(images)
        return feature, draw_decoy(self.decoy, feature) if decoy is None else decoy

    def answer(self, feature: Tensor, decoy: Tensor, theta: Tensor | None = None) -> Tensor:
        """Rotate, process, undo the rotation and decode: features -> logits (N, classes); complex form only.

        theta (N,) radians, drawn from U[0, 2π) for each sample where None.
        """
        if theta is None:
            theta = 2 * math.pi * torch.rand(len(feature), device=feature.device)
        h = self.processing(rotate(feature, decoy, theta))
        logits: Tensor = self.decoder(unrotate(h, theta))
        return logits


def noise_like(feature: Tensor) -> Tensor:
    """ε: Gaussian noise with the average magnitude of the feature, (N, ...) -> (N, ...)."""
    noise = torch.randn_like(feature)
    return noise * (feature.detach().abs().mean() / noise.abs().mean())
