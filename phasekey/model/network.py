"""A network split in three: encoder, processing module, decoder (Figure 1a), in any of its five forms."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from phasekey.model.description import Activation, Architecture, AvgPool, Dropout, MaxPool
from phasekey.model.errors import ModelError
from phasekey.model.heads import BOTTLENECKS, HeadName, build_head, build_opening, check_head
from phasekey.model.hiding.decoys import DECOY_LAWS, DecoyLaw, draw_decoys, white
from phasekey.model.hiding.sampler import ImageSampler
from phasekey.model.hiding.secrets import SecretKind, check_secret, draw_secret, hide, reveal
from phasekey.model.layers.build import Builder, Shape
from phasekey.model.layers.canonical import Canonical
from phasekey.model.layers.layout import fold, unfold
from phasekey.model.pixels import Centre

Form = Literal["original", "additional", "noisy", "complex", "canonical"]
FORMS: tuple[Form, ...] = get_args(Form)
MIXED: tuple[Form, ...] = ("complex", "canonical")  # forms that commute with a secret matrix
Task = Literal["classes", "attributes"]
TASKS: tuple[Task, ...] = get_args(Task)
_KEEP = (MaxPool, AvgPool, Dropout)  # keep values at or above zero
DecoySource = Literal["gaussian-images", "gaussian-features", "archive"]


class Processing(nn.Module):
    """Φ: block layout (N, kC, H, W) or (N, kD) -> block layout (N, kC', H', W') or (N, kD'); folded inside.

    Args:
        layers: of phasekey.model.layers.equivariant, and torch's own without bias.
        components: k.
    """

    def __init__(self, layers: nn.Sequential, components: int = 2) -> None:
        super().__init__()
        self.layers, self.components = layers, components

    def forward(self, x: Tensor) -> Tensor:
        return unfold(self.layers(fold(x, self.components)), self.components)


class SplitNetwork(nn.Module):
    """Encoder, processing module and decoder of one architecture.

    Args:
        architecture: the layers and where they are split.
        classes: outputs of the last layer.
        image: (C, H, W) of the input.
        form: `complex` is the equivariant network, the paper's at two components; `original` the plain
            network; `additional` has the head but mixes nothing; `noisy` is the original with γ·ε added to
            the feature (section 5.1, baselines 1-3); `canonical` is the original inside a frame that makes it
            equivariant, trained as the original is (docs/adr/0044).
        gamma: γ of the noisy form.
        head: what the encoder ends in; the original, noisy and canonical forms have none.
        width: D of a bottleneck.
        decoy: the law of decoys in training.
        task: what the logits are of, classes of which one is right, or attributes that go together.
        secret: what mixes feature and decoys on devices. Rotation and orthogonal are of the complex form, and
            mean nothing to the plain ones; permutation is of the plain forms, original and additional, which
            are trained as if there was none; the canonical form takes orthogonal alone.
        components: k, the feature and k - 1 decoys.
        sigma: standard deviation of Gaussian decoys.

    Raises:
        ModelError: for arguments that are unknown or contradict each other, or an image too small for the
            layers.
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
        secret: SecretKind = "rotation",
        components: int = 2,
        sigma: float = 1.0,
    ) -> None:
        super().__init__()
        _check_choices(form, decoy, task)
        check_head(head, width)
        _check_hiding(form, secret, components, decoy, sigma)
        if form == "canonical":
            _check_canonical(architecture, secret, decoy)
        self.architecture, self.form, self.gamma, self.image = architecture, form, gamma, image
        self.head, self.decoy, self.task = head, decoy, task
        self.secret, self.components, self.sigma = secret, components, sigma
        builder = Builder(image, classes, architecture.threshold, architecture.mean_norms, components)
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
        self.processing: nn.Module = processing
        if self.form == "complex":
            self.processing = Processing(processing, self.components)
        elif self.form == "canonical":
            self.processing = Canonical(processing, self.feature_shape, self.components)
        self.processed_shape: Shape = builder.shape
        builder.complex_form = False
        self.decoder = builder.sequence(layers[last:])

    @property
    def decoy_source(self) -> DecoySource:
        """What a device draws decoys from, whatever hid features in training.

        `gaussian-images`: b = g(I'), I' from the sampler. `gaussian-features`: b = σ · noise, for bottlenecks
        trained with Gaussian decoys. `archive`: b = g(I'), I' an image that the device holds.
        """
        if self.secret == "permutation" or self.decoy == "archive":
            return "archive"
        return "gaussian-features" if self._noise_is_decoy else "gaussian-images"

    @property
    def hides(self) -> bool:
        """Whether devices would have a decoy of its own for each image: False where the secret is there,
        decoys come from the sampler, and nobody fitted it. Then all decoys are one, which anyone can compute,
        and the secret follows."""
        return not self.mixes or self.decoy_source != "gaussian-images" or self.sampler.fitted

    @property
    def mixes(self) -> bool:
        """Whether the processing module takes k components that a secret matrix has mixed."""
        return self.form in MIXED

    @property
    def has_secret(self) -> bool:
        """Whether devices hide features among decoys by a secret, a matrix or an order."""
        return self.mixes or self.secret == "permutation"

    @property
    def noise_size(self) -> int:
        """Standard normal numbers that a device needs for one decoy, of which there are k - 1."""
        if self.decoy_source == "archive":
            return 0
        return self.feature_shape[0] if self._noise_is_decoy else self.sampler.noise_size

    @property
    def _noise_is_decoy(self) -> bool:
        return self.head in BOTTLENECKS and self.decoy == "gaussian"

    def forward(self, images: Tensor, secret: Tensor | None = None, decoys: Tensor | None = None) -> Tensor:
        """Compute logits; where a matrix mixes through decoys and secret, in the other forms plainly.

        The canonical form is trained plainly too: what V recovers is what the plain network then takes.

        Args:
            images: (N, C, H, W) in [0, 1].
            secret: Q, (N, k, k), of forms that mix; drawn for each sample where None.
            decoys: (N, k - 1, ...) like the feature, of forms that mix; drawn by the law of training where
                None.

        Returns:
            (N, classes).

        Raises:
            ModelError: where the batch is too small for the decoys' law.
        """
        feature = self.encoder(images)
        if isinstance(self.processing, Canonical) and self.training:
            answers: Tensor = self.decoder(self.processing.layers(feature))
            return answers
        if self.mixes:
            return self.answer(self.among_decoys(feature, decoys), secret)
        if self.form == "noisy":
            feature = feature + self.gamma * noise_like(feature)
        logits: Tensor = self.decoder(self.processing(feature))
        return logits

    def among_decoys(self, feature: Tensor, decoys: Tensor | None = None) -> Tensor:
        """Put features and decoys together as what a secret mixes.

        Args:
            feature: a = g(I), (N, ...).
            decoys: (N, k - 1, ...); drawn by the law of training where None, the paper's being the features
                of other samples (section 4.2).

        Returns:
            M, (N, k, ...), row 0 the feature.

        Raises:
            ModelError: where the batch is too small for the law.
        """
        if decoys is None:
            decoys = self._draw_decoys(feature)
        return torch.cat([feature[:, None], decoys], dim=1)

    def _draw_decoys(self, feature: Tensor) -> Tensor:
        count = self.components - 1
        if self.head == "norm-bottleneck" and self.decoy == "gaussian":
            # As the device draws them: features on a sphere have no unit variance for each value.
            return self.sigma * white(feature, count)
        return draw_decoys(self.decoy, feature, count, self.sigma)

    def answer(self, rows: Tensor, secret: Tensor | None = None) -> Tensor:
        """Hide, process, reveal and decode, as device and cloud do together.

        Args:
            rows: M, (N, k, ...), row 0 the feature.
            secret: Q, (N, k, k); drawn for each sample where None.

        Returns:
            Logits, (N, classes).
        """
        if secret is None:
            secret = draw_secret(self.secret, len(rows), self.components, device=rows.device)
        logits: Tensor = self.decoder(reveal(self._process(hide(rows, secret)), secret))
        return logits

    def _process(self, x: Tensor) -> Tensor:
        """Φ in block layout; of plain forms, each block is a sample of its own."""
        if self.mixes:
            h: Tensor = self.processing(x)
            return h
        h = self.processing(x.reshape(-1, *self.feature_shape))
        return h.reshape(len(x), -1, *h.shape[2:])


def _check_choices(form: str, decoy: str, task: str) -> None:
    for what, value, known in (("form", form, FORMS), ("decoy", decoy, DECOY_LAWS), ("task", task, TASKS)):
        if value not in known:
            raise ModelError(f"unknown {what} {value!r}; choose one of {', '.join(known)}")


def _check_hiding(form: Form, secret: SecretKind, components: int, decoy: DecoyLaw, sigma: float) -> None:
    check_secret(secret, components)
    if secret == "permutation" and form not in ("original", "additional"):
        raise ModelError(
            f"a permutation is of plain networks, the forms original and additional, but the form is {form}; "
            "use one of these, or the orthogonal secret"
        )
    if not sigma > 0 or (sigma != 1.0 and decoy != "gaussian"):
        raise ModelError(f"sigma is of Gaussian decoys and above 0; got {sigma:g} for decoys {decoy}")


def _check_canonical(architecture: Architecture, secret: SecretKind, decoy: DecoyLaw) -> None:
    if (secret, decoy) != ("orthogonal", "archive"):
        raise ModelError(
            "the canonical form takes features and decoys apart in the cloud, so decoys hide only if they "
            "could be inputs: it takes the orthogonal secret and decoys of an archive, "
            f"not {secret} and {decoy}"
        )
    ends = [
        layer for layer in architecture.layers[: architecture.encoder_end] if not isinstance(layer, _KEEP)
    ]
    if not ends or not isinstance(ends[-1], Activation):
        raise ModelError(
            "the canonical form knows features by their zeros, and their sign by being positive: the encoder "
            "has to end in a ReLU, with pooling after it at most; move the split"
        )


def noise_like(feature: Tensor) -> Tensor:
    """Draw ε, Gaussian noise with the average magnitude of the feature, (N, ...) -> (N, ...)."""
    noise = torch.randn_like(feature)
    return noise * (feature.detach().abs().mean() / noise.abs().mean())
