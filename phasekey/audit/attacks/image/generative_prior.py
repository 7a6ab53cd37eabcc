"""The likeliest image whose feature is some turn of x: by a generator, and the encoder's gradient."""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from phasekey.audit.artefacts import Artefact, Posterior
from phasekey.audit.attack import Attack, Context, CurvePoint, Findings, Leak, Watch
from phasekey.audit.attackers.networks.image_prior import ImagePrior, StandIn
from phasekey.audit.attackers.training import device, fit, pixels_of, seeded
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.circle import grid
from phasekey.audit.scene.scene import Floats, Samples
from phasekey.audit.scene.view import AttackerView, Transmissions

ANGLES = 64  # of the circle, at which x is compared
FITTING, RATE = 60, 0.08  # gradient steps on the latents of one part, and their size
PART = 250  # transmissions at a time
STARTS = 4_000  # training images, the nearest of which a search starts from
WEIGHTS = (0.0, 1e-3, 1e-2)  # of the prior over the misfit; validation chooses
TRUSTS = (0.02, 0.2)  # of -ln p(φ | x) over the misfit; validation chooses
TRIAL = 64  # validation transmissions that choose


class GenerativePrior(Attack):
    """min over z and φ of ‖Re[x e^{-iφ}] - g(G(z))‖² / ‖x‖² - κ ln p(φ | x) + λ‖z‖².

    G is a generator trained on images; p the angle network's posterior, without which the decoy's image fits
    as well as the input's. The search starts at the known image whose feature comes nearest to a likely turn
    of x. Checkpoints give g's gradient; of a bundle's graph a network learns to stand in for it.
    """

    name: ClassVar[str] = "generative-prior"
    leak: ClassVar[Leak] = "inversion"
    title: ClassVar[str] = "Generative prior"
    source: ClassVar[str] = "in the manner of GLASS and DRAG (Li et al. 2023, Lei et al. 2025), at this size"
    how: ClassVar[str] = "Searches a generator of images for one whose feature is some turn of x."
    remedy: ClassVar[str] = "Send a feature narrower than the data: many images then fit every turn of x."

    needs: ClassVar[tuple[type[Artefact], ...]] = (Posterior,)

    def steps(self, effort: Effort) -> int:
        """Of the generator and of the stand-in."""
        return 2 * effort.image_steps

    def why_not(self, view: AttackerView) -> str | None:
        """The encoder is needed."""
        hidden = None if view.white_box else "a black box hides the encoder"
        return super().why_not(view) or hidden

    def run(self, context: Context) -> Findings:
        """See Attack.run."""
        view, effort, watch = context.view, context.effort, context.watch
        with seeded(context.seed):
            prior, curve = _learn_images(view, effort, watch)
            search = _Search(view, prior, _encoder(view, effort, watch))
            known = context.get(Posterior)
            x, truth = view.validation.x[:TRIAL], view.validation.images[:TRIAL].astype(np.float32) / 255
            wrong = {
                (weight, trust): float(np.square(search(x, weight, _surprise(known, trust)) - truth).mean())
                for weight in WEIGHTS
                for trust in (TRUSTS if known else (0.0,))
            }
            weight, trust = min(wrong, key=lambda chosen: wrong[chosen])
            images = search(view.test.x, weight, _surprise(known, trust, test=True))
        return Findings(images[:, None], curve=curve)


def _surprise(known: Posterior | None, trust: float, *, test: bool = False) -> Floats:
    """-κ ln p(φ | x) on a grid, (N, A), or (1, A) zeros where no posterior is known."""
    if known is None:
        return np.zeros((1, ANGLES), np.float32)
    return np.asarray(-trust * np.log((known.test if test else known.validation) + 1e-6), np.float32)


def _learn_images(
    view: AttackerView, effort: Effort, watch: Watch
) -> tuple[ImagePrior, tuple[CurvePoint, ...]]:
    train, held = (_images(part) for part in (view.train, view.validation))
    prior = ImagePrior(pixels_of(train[:STARTS]), effort.unet_width)
    curve = fit(
        prior, lambda _, rows: prior.loss(_pixels(train, rows)), lambda _: float(prior.loss(pixels_of(held))),
        images=len(train), steps=effort.image_steps, batch=effort.batch, rate=2e-3, watch=watch,
    )  # fmt: skip
    return prior, curve


def _encoder(view: AttackerView, effort: Effort, watch: Watch) -> nn.Module:
    """g with a gradient: images (N, C, H, W) -> (N, F)."""
    encoder: nn.Module | None = getattr(view.device, "encoder", None)
    if encoder is not None:
        watch.advance(effort.image_steps)
        return nn.Sequential(encoder, nn.Flatten())
    feature = torch.from_numpy(view.train.feature).flatten(1).to(device())
    held = torch.from_numpy(view.validation.feature).flatten(1).to(device())
    images, unseen = _images(view.train), _images(view.validation)
    size = feature.square().mean().clamp_min(1e-12)
    stand_in = StandIn(_shape(view.train), feature.shape[1], effort.unet_width)
    stand_in.to(device()).begin(pixels_of(images[:STARTS]), feature[:STARTS])
    fit(
        stand_in, lambda net, rows: (net(_pixels(images, rows)) - feature[rows]).square().mean() / size,
        lambda net: float((net(pixels_of(unseen)) - held).square().mean() / size),
        images=len(images), steps=effort.image_steps, batch=effort.batch, rate=2e-3, watch=watch,
    )  # fmt: skip
    return stand_in


class _Search:
    """From x to images, by latents of the prior."""

    def __init__(self, view: AttackerView, prior: ImagePrior, encode: nn.Module) -> None:
        self._prior, self._encode = prior, encode
        prior.requires_grad_(False)
        images = _images(view.train)[:STARTS]
        with torch.no_grad():
            self._starts = torch.cat([prior.law(pixels_of(part))[0] for part in torch.split(images, PART)])
        feature = view.train.feature[:STARTS]
        self._feature = torch.from_numpy(feature.reshape(len(feature), -1)).to(device())

    def __call__(self, x: Floats, weight: float, surprise: Floats) -> Floats:
        """x (N, 2C', ...), -κ ln p(φ | x) of as many or more, or of all (1, A) -> images (N, H, W, C)."""
        sent = torch.from_numpy(np.ascontiguousarray(x)).to(device())
        bias = torch.from_numpy(surprise).to(device())
        bias = bias.expand(len(x), -1) if len(bias) == 1 else bias[: len(x)]
        pairs = zip(torch.split(sent, PART), torch.split(bias, PART), strict=True)
        return np.concatenate([self._part(*pair, weight) for pair in pairs])

    def _part(self, x: Tensor, bias: Tensor, weight: float) -> Floats:
        real, imaginary = (half.flatten(1) for half in x.chunk(2, 1))
        with torch.no_grad():
            near = _misfit(real, imaginary, self._feature, bias, cross=True).argmin(1)
        latent = self._starts[near].clone().requires_grad_(True)
        optimiser = torch.optim.Adam([latent], lr=RATE)
        with torch.enable_grad():
            for _ in range(FITTING):
                away = _misfit(real, imaginary, self._encode(self._prior.images(latent)), bias)
                loss = (away + weight * latent.square().mean(1)).sum()
                optimiser.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                optimiser.step()
        with torch.no_grad():
            found: Floats = self._prior.images(latent).clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()
        return found


def _misfit(u: Tensor, v: Tensor, feature: Tensor, bias: Tensor, *, cross: bool = False) -> Tensor:
    """Squared distance of a feature to the nearest likely turn of x, over |x|²/2.

    Re[x e^{-iφ}] = cos φ u + sin φ v, so the distance takes products of u, v and a alone: no turn of x is
    made.

    Args:
        u, v: the halves of x, (N, F).
        feature: a, (N, F); with cross (M, F), each x against each feature.
        bias: added at each of A even angles, (N, A).
        cross: whether features are others' than x's.

    Returns:
        (N,); (N, M) with cross.
    """
    uu, vv, uv = (part.sum(1) for part in (u * u, v * v, u * v))
    own = feature.square().sum(1)
    if cross:
        with_u, with_v = u @ feature.T, v @ feature.T
        uu, vv, uv, own = uu[:, None], vv[:, None], uv[:, None], own[None]
    else:
        with_u, with_v = (u * feature).sum(1), (v * feature).sum(1)
    size = (0.5 * (uu + vv)).clamp_min(1e-12)
    least = torch.full_like(with_u, torch.inf)
    for angle, added in zip(grid(bias.shape[1]), bias.T, strict=True):
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        turned = cos**2 * uu + 2 * cos * sin * uv + sin**2 * vv
        away = (turned - 2 * (cos * with_u + sin * with_v) + own) / size
        least = torch.minimum(least, away + (added[:, None] if cross else added))
    return least


def _images(samples: Samples | Transmissions) -> Tensor:
    assert isinstance(samples, Samples)  # noqa: S101 - of the test split there are none
    return torch.from_numpy(np.ascontiguousarray(samples.images)).to(device())


def _pixels(images: Tensor, rows: Tensor) -> Tensor:
    return pixels_of(images[rows])


def _shape(samples: Samples) -> tuple[int, int, int]:
    height, width, channels = samples.images.shape[1:]
    return channels, height, width
