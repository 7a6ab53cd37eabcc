"""Images that agree with x: a decoder's picture moved by the encoder's gradient, and a known image."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from phasekey.audit.artefacts import Artefact, Posterior, RightKeyDecoder
from phasekey.audit.attack import Attack, Context, Findings, Leak, Watch
from phasekey.audit.attackers.image_decoder import Decoder, with_mirrors
from phasekey.audit.attackers.inversion import right_key_decoder
from phasekey.audit.attackers.networks.image_prior import StandIn
from phasekey.audit.attackers.training import device, fit, pixels_of, seeded
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.arrays import unit
from phasekey.audit.numerics.circle import grid
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.scene.scene import Floats, Samples
from phasekey.audit.scene.view import AttackerView

ANGLES = 64  # of the circle, at which x is compared with known features where no posterior is known
TURNS = 4  # likely angles at which an image is sought
FITTING, RATE = 40, 0.01  # gradient steps, and their size in grey levels of 1
WEIGHTS = (0.03, 0.1, 0.3)  # of the way from the decoder's picture over the misfit; validation chooses
TRUSTS = (0.02, 0.1, 0.5)  # of -ln p(φ | x) over the misfit; validation chooses
KNOWN = 4_000  # images, of which the likeliest is taken
PART, TRIAL = 250, 64  # transmissions at a time; of validation, to choose the gradient's weight on


@dataclass(frozen=True)
class Turns:
    """Features Re[x e^{-iφ}] of several likely φ for each x.

    Attributes:
        feature: (M, C', ...).
        owner: whose x each is, (M,), in order and without gaps.
        share: how much of the posterior each stands for, (M,); of one owner they sum to 1.
    """

    feature: Floats
    owner: NDArray[np.int64]
    share: Floats

    def mean(self, values: Floats) -> Floats:
        """The mean of each owner's values: (M, ...) -> (N, ...)."""
        total = np.zeros((self.owner[-1] + 1, *values.shape[1:]), np.float32)
        np.add.at(total, self.owner, self.share.reshape(-1, *[1] * (values.ndim - 1)) * values)
        return total


class GenerativePrior(Attack):
    """Two guesses, of which each may be the better one by some measure.

    The mean over likely φ of argmin_I ‖g(I) - Re[x e^{-iφ}]‖² + λ‖I - dec(Re[x e^{-iφ}])‖²: GLASS and DRAG
    search a generator's images so; here the prior's centre is the decoder's own picture, which generators of
    this size fell behind (docs/adr/0075). λ = ∞, the decoder alone, is one of the choices. And the known
    image whose feature is the likeliest turn of x: as sharp as any. Checkpoints give g's gradient; of a
    bundle's graph a network learns to stand in for it.
    """

    name: ClassVar[str] = "generative-prior"
    leak: ClassVar[Leak] = "inversion"
    title: ClassVar[str] = "Prior and encoder's gradient"
    source: ClassVar[str] = "in the manner of GLASS and DRAG (Li et al. 2023, Lei et al. 2025), at this size"
    how: ClassVar[str] = "Moves a decoder's picture until its feature is some turn of x."
    remedy: ClassVar[str] = "Send a feature narrower than the data: many images then fit every turn of x."

    needs: ClassVar[tuple[type[Artefact], ...]] = (Posterior, RightKeyDecoder)

    def steps(self, effort: Effort) -> int:
        """Of the stand-in."""
        return effort.image_steps

    def why_not(self, view: AttackerView) -> str | None:
        """The encoder is needed."""
        hidden = None if view.white_box else "a black box hides the encoder"
        return super().why_not(view) or hidden

    def run(self, context: Context) -> Findings:
        """See Attack.run."""
        view = context.view
        known = sharpest(context.all(Posterior), view.validation)
        with seeded(context.seed):
            decoder = right_key_decoder(context, lambda: with_mirrors(view))
            move = _Move(decoder, _encoder(view, context.effort, context.watch), view.train)
            weight = _weight(move, view.validation, known.validation[:TRIAL])
            mean = move(likely_turns(view.test.x, known.test), weight)
        likeliest = _Likeliest(view, known.validation)(view.test.x, known.test)
        return Findings(np.stack([mean, likeliest], axis=1))


def sharpest(known: tuple[Posterior, ...], validation: Samples) -> Posterior:
    """The posterior that gives the true angles of validation most; an even one where none is known.

    Args:
        known: of attacks before.
        validation: with θ.

    Returns:
        One of them, or one row for all that weighs all angles alike.
    """
    if not known or validation.theta is None:
        even = np.full((1, ANGLES), 1 / ANGLES, np.float32)
        return Posterior(even, even)
    turns = validation.theta / (2 * np.pi)

    def told(one: Posterior) -> float:
        count = one.validation.shape[1]
        at = np.rint(turns * count).astype(int) % count
        return float(np.log(one.validation[np.arange(len(at)), at] * count + 1e-6).mean())

    return max(known, key=told)


def likely_turns(x: Floats, posterior: Floats) -> Turns:
    """Turn each x back by TURNS even quantiles of its posterior, each angle once.

    Args:
        x: (N, 2C', ...).
        posterior: (N, A), or (1, A) for all.

    Returns:
        N to TURNS · N features.
    """
    count = posterior.shape[1]
    below = np.broadcast_to(posterior, (len(x), count)).cumsum(1)
    middles = (np.arange(TURNS) + 0.5) / TURNS * below[:, -1:]
    chosen = (below[:, None] < middles[:, :, None]).sum(2)  # (N, TURNS)
    pairs = np.stack([np.repeat(np.arange(len(x)), TURNS), chosen.ravel()], axis=1)
    pairs, times = np.unique(pairs, axis=0, return_counts=True)
    turned = unrotate(x[pairs[:, 0]], grid(count)[pairs[:, 1]])
    return Turns(np.asarray(turned, np.float32), pairs[:, 0], (times / TURNS).astype(np.float32))


class _Move:
    """From features to images: the decoder's picture, then steps by g's gradient."""

    def __init__(self, decoder: Decoder, encode: nn.Module, known: Samples) -> None:
        self._decoder, self._encode = decoder.eval(), encode
        spread = known.feature.reshape(len(known), -1)
        self._size = float(np.square(spread - spread.mean(0)).sum(1).mean()) or 1.0

    def __call__(self, turns: Turns, weight: float | None) -> Floats:
        """The mean over likely angles of the images of N transmissions, (N, H, W, C) in [0, 1]."""
        parts = torch.split(torch.from_numpy(turns.feature).to(device()), PART)
        images = torch.cat([self._part(part, weight).cpu() for part in parts]).permute(0, 2, 3, 1).numpy()
        return turns.mean(images)

    def _part(self, feature: Tensor, weight: float | None) -> Tensor:
        with torch.no_grad():
            picture: Tensor = self._decoder(feature).clamp(0, 1)
        if weight is None:
            return picture
        image = picture.clone().requires_grad_(True)
        optimiser = torch.optim.Adam([image], lr=RATE)
        with torch.enable_grad():
            for _ in range(FITTING):
                away = (self._encode(image) - feature.flatten(1)).square().sum() / self._size
                moved = 100 * (image - picture).square().flatten(1).mean(1).sum()
                (image.grad,) = torch.autograd.grad(away + weight * moved, [image])
                optimiser.step()
        return image.detach().clamp(0, 1)


def _weight(move: _Move, validation: Samples, posterior: Floats) -> float | None:
    """The weight that errs least on some of validation; None where the decoder alone does."""
    truth = unit(validation.images[:TRIAL])
    turns = likely_turns(validation.x[:TRIAL], posterior)
    choices = (None, *WEIGHTS)
    errors = [float(np.square(move(turns, weight) - truth).mean()) for weight in choices]
    return choices[int(np.argmin(errors))]


class _Likeliest:
    """The known image whose feature comes nearest to a likely turn of x."""

    def __init__(self, view: AttackerView, posterior: Floats) -> None:
        """Choose how far the posterior is trusted: validation's property should be seen the most often."""
        self._images, property_ = view.train.images[:KNOWN], view.train.property[:KNOWN]
        feature = view.train.feature[:KNOWN]
        self._feature = torch.from_numpy(feature.reshape(len(feature), -1)).to(device())
        held = view.validation
        right = [(property_[self._nearest(held.x, posterior, one)] == held.property).mean() for one in TRUSTS]
        self._trust = TRUSTS[int(np.argmax(right))]

    def __call__(self, x: Floats, posterior: Floats) -> Floats:
        """x (N, 2C', ...), p(φ | x) -> images (N, H, W, C) in [0, 1]."""
        return unit(self._images[self._nearest(x, posterior, self._trust)])

    def _nearest(self, x: Floats, posterior: Floats, trust: float) -> NDArray[np.int64]:
        sent = torch.from_numpy(np.ascontiguousarray(x)).to(device())
        unlikely = np.asarray(-trust * np.log(posterior + 1e-6), np.float32)
        bias = torch.from_numpy(unlikely).to(device()).expand(len(x), -1)
        pairs = zip(torch.split(sent, PART), torch.split(bias, PART), strict=True)
        with torch.no_grad():
            found = [_misfit(part, self._feature, some).argmin(1).cpu() for part, some in pairs]
        return np.asarray(torch.cat(found).numpy(), np.int64)


def _misfit(x: Tensor, feature: Tensor, bias: Tensor) -> Tensor:
    """Squared distance of features to the nearest likely turn of x, over |x|²/2.

    Re[x e^{-iφ}] = cos φ u + sin φ v for halves u and v, so the distance takes products of u, v and a
    alone: no turn of x is made.

    Args:
        x: (N, 2C', ...).
        feature: a of known images, (M, F).
        bias: added at each of A even angles, (N, A).

    Returns:
        Of each x and each feature, (N, M).
    """
    u, v = (half.flatten(1) for half in x.chunk(2, 1))
    uu, vv, uv = ((one * other).sum(1)[:, None] for one, other in ((u, u), (v, v), (u, v)))
    with_u, with_v, own = u @ feature.T, v @ feature.T, feature.square().sum(1)[None]
    size = (0.5 * (uu + vv)).clamp_min(1e-12)
    least = torch.full_like(with_u, torch.inf)
    for angle, added in zip(grid(bias.shape[1]), bias.T, strict=True):
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        turned = cos**2 * uu + 2 * cos * sin * uv + sin**2 * vv
        away = (turned - 2 * (cos * with_u + sin * with_v) + own) / size
        least = torch.minimum(least, away + added[:, None])
    return least


def _encoder(view: AttackerView, effort: Effort, watch: Watch) -> nn.Module:
    """g with a gradient: images (N, C, H, W) -> (N, F)."""
    encoder: nn.Module | None = getattr(view.device, "encoder", None)
    if encoder is not None:
        watch.advance(effort.image_steps)
        return nn.Sequential(encoder, nn.Flatten())
    feature = torch.from_numpy(view.train.feature).flatten(1).to(device())
    held = torch.from_numpy(view.validation.feature).flatten(1).to(device())
    images, unseen = (torch.from_numpy(part.images).to(device()) for part in (view.train, view.validation))
    size = feature.square().mean().clamp_min(1e-12)
    height, width, channels = view.train.images.shape[1:]
    stand_in = StandIn((channels, height, width), feature.shape[1], effort.unet_width)
    stand_in.to(device()).begin(pixels_of(images[:KNOWN]), feature[:KNOWN])
    fit(
        stand_in, lambda net, rows: (net(pixels_of(images[rows])) - feature[rows]).square().mean() / size,
        lambda net: float((net(pixels_of(unseen)) - held).square().mean() / size),
        images=len(images), steps=effort.image_steps, batch=effort.batch, rate=2e-3, watch=watch,
    )  # fmt: skip
    return stand_in
