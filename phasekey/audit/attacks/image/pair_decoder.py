"""Two guesses of the image: x is a mixture of two features, so two may hold what one guess blurs."""

from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phasekey.audit.artefacts import Artefact, PosteriorWeights, RightKeyDecoder
from phasekey.audit.attack import Attack, Context, CurvePoint, Findings, Leak, Watch
from phasekey.audit.attackers.angle_estimates import Traffic, expected_feature, probabilities
from phasekey.audit.attackers.angle_posterior import known_posterior
from phasekey.audit.attackers.direct_decoder import direct_steps, train_direct, unsure
from phasekey.audit.attackers.image_decoder import (
    Decoder,
    batch_of,
    images_by,
    new_decoder,
    pairs_of,
    rate_of,
    train_decoder,
)
from phasekey.audit.attackers.inversion import restored, tuning_steps
from phasekey.audit.attackers.networks.energies import Energies
from phasekey.audit.attackers.networks.linear_picture import LinearPicture
from phasekey.audit.attackers.training import device, fit, seeded
from phasekey.audit.attackers.two_arcs import two_arcs
from phasekey.audit.budget import Effort
from phasekey.audit.scene.view import AttackerView

GRID = 32  # angles of the posterior
SPARED = 0.5  # two guesses cost two passes


class PairDecoder(Attack):
    """Split the circle into the two arcs of least error under p(θ | x), and decode each one's E[a | x].

    Trained by the error of the better guess, whichever it is. Where angles are uncertain, a network that
    never asks for them is trained in the same way, and validation decides.
    """

    name: ClassVar[str] = "pair-decoder"
    leak: ClassVar[Leak] = "inversion"
    title: ClassVar[str] = "Pair decoder, best of two"
    source: ClassVar[str] = "Phasekey, after the paper's k-anonymity claim"
    how: ClassVar[str] = "Returns two images for each x, and is scored on the better one."
    remedy: ClassVar[str] = "Send a feature narrower than the data, and train against angle attackers."
    needs: ClassVar[tuple[type[Artefact], ...]] = (RightKeyDecoder, PosteriorWeights)

    def steps(self, effort: Effort) -> int:
        """Of the decoder, and of the direct way where angles are uncertain."""
        return _steps(effort) + direct_steps(effort)

    def run(self, context: Context) -> Findings:
        """estimate: two guesses, (N, 2, H, W, C)."""
        view, effort, watch = context.view, context.effort, context.watch
        with seeded(context.seed):
            traffic = Traffic(view)
            posterior = known_posterior(context)
            decoder, known = _start(context, traffic)
            guesser = Guesser(posterior, decoder)
            curve = _train(guesser, view, traffic, effort, watch)
            before = Guesser(posterior, known)
            held = torch.from_numpy(view.validation.x).to(device())
            truth = pairs_of(view.validation.x, view.validation.images).targets()
            others: list[nn.Module] = [guesser, before]
            if unsure(posterior, view.validation):
                others.append(train_direct(view, posterior, traffic, 2, effort, watch))
            else:
                watch.advance(direct_steps(effort))
            best = min(others, key=lambda one: _held(one, held, truth))
        images = images_by(Sides(best), view.test.x)
        return Findings(np.concatenate(np.split(images, 2, axis=4), axis=1), curve=curve)


class Guesser(nn.Module):
    """x (N, 2C', ...) -> two images (N, 2, C, H, W); only the decoder learns."""

    def __init__(self, posterior: Energies, decoder: Decoder) -> None:
        super().__init__()
        self._posterior = [posterior]  # a list hides it from the optimiser and from `state_dict`
        self.decoder = decoder

    def forward(self, x: Tensor) -> Tensor:
        guesses = both(self._posterior[0], self.decoder.picture, x)
        images = self.decoder(guesses.flatten(0, 1))
        pairs: Tensor = images.unflatten(0, (2, len(x))).transpose(0, 1)
        return pairs


class Sides(nn.Module):
    """The two images side by side as channels, (N, 2C, H, W)."""

    def __init__(self, guesser: nn.Module) -> None:
        super().__init__()
        self.guesser = guesser

    def forward(self, x: Tensor) -> Tensor:
        images: Tensor = self.guesser(x).flatten(1, 2)
        return images


@torch.no_grad()
def both(posterior: Energies, picture: LinearPicture, x: Tensor) -> Tensor:
    """E[a | x, θ in one arc] for the two arcs of least error.

    Args:
        posterior: the network of the angle.
        picture: affine from feature to image: arcs are chosen by the error of images.
        x: (N, 2C', ...).

    Returns:
        (2, N, C', ...), the likelier arc first.
    """
    weights = probabilities(posterior, x, GRID)
    real, imaginary = (picture(half) - picture(torch.zeros_like(half[:1])) for half in x.chunk(2, 1))
    cos, sin = two_arcs(weights, real.flatten(1), imaginary.flatten(1))
    return torch.stack([expected_feature(x, cos[:, side], sin[:, side]) for side in (0, 1)])


def _steps(effort: Effort) -> int:
    return max(1, round(SPARED * tuning_steps(effort)))


def _start(context: Context, traffic: Traffic) -> tuple[Decoder, Decoder]:
    """Decoders to train further and to keep as they are: the right key's, or new ones."""
    view, effort, right_key = context.view, context.effort, context.get(RightKeyDecoder)
    if right_key is not None:
        return restored(view, effort, right_key), restored(view, effort, right_key)
    decoder = new_decoder(view, effort, view.train.feature.shape[1:])
    raw = pairs_of(view.validation.feature, view.validation.images)
    train_decoder(decoder, traffic.pairs, raw, effort, tuning_steps(effort), context.watch)
    return decoder, decoder


def _train(
    guesser: Guesser, view: AttackerView, traffic: Traffic, effort: Effort, watch: Watch
) -> tuple[CurvePoint, ...]:
    held = torch.from_numpy(view.validation.x).to(device())
    truth = pairs_of(view.validation.x, view.validation.images).targets()

    def loss(network: nn.Module, rows: Tensor) -> Tensor:
        x, _ = traffic.draw(rows)
        return better(network(x), traffic.pairs.targets(rows))

    return fit(
        guesser, loss, lambda network: _held(network, held, truth),
        images=len(traffic), steps=_steps(effort), batch=batch_of(effort), rate=rate_of(effort), watch=watch,
    )  # fmt: skip


def better(guesses: Tensor, images: Tensor) -> Tensor:
    """Mean square error of the better guess.

    Args:
        guesses: (N, 2, C, H, W).
        images: (N, C, H, W).

    Returns:
        A scalar, the mean over N.
    """
    errors = F.mse_loss(guesses, images[:, None].expand_as(guesses), reduction="none")
    return errors.flatten(2).mean(2).min(1).values.mean()


@torch.no_grad()
def _held(network: nn.Module, x: Tensor, images: Tensor) -> float:
    network.eval()
    parts = zip(torch.split(x, 250), torch.split(images, 250), strict=True)
    return sum(float(better(network(part).clamp(0, 1), truth)) * len(part) for part, truth in parts) / len(x)
