"""From a checkpoint and its data to the figures of its claim: what is promised, and who tries it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from phasekey.audit.attack import Watch
from phasekey.audit.budget import Effort
from phasekey.audit.claims.anonymous import claim as anonymous
from phasekey.audit.claims.anonymous.identification import Judge
from phasekey.audit.claims.bounded import claim as bounded
from phasekey.audit.claims.bounded.gram import GramLaw
from phasekey.audit.claims.figures import ClaimFigure, promising, table
from phasekey.audit.errors import AuditError
from phasekey.audit.scene.build import CHANGES
from phasekey.audit.scene.scene import Device, Floats, Pixels
from phasekey.audit.subject.promise import Claim, Promise
from phasekey.audit.subject.stage import require_fit
from phasekey.audit.subject.subject import Subject
from phasekey.training.data.dataset import ImageDataset, Split

FRAMES, FILMS = 8, 200  # of a film; films that are followed
SEPARATED = 300  # transmissions that are separated
STEPS = {"control": 200, "quick": 1_000, "standard": 4_000, "full": 40_000}  # of each gram network, by budget
JUDGED = 5  # so many times fewer for judges: they have few images, and learn these by heart
REPORT = "claims"


def steps_of(promise: Promise, budget: str) -> int:
    """Count the steps that an audit of a promise reports to its watch.

    Args:
        promise: what is judged.
        budget: a key of STEPS.

    Returns:
        Steps of all attackers that train.
    """
    if promise.claim == "nats":
        return len(bounded.REPEATS) * STEPS[budget]
    # A judge of inputs; for orthogonal secrets a score and a cleaner of rows for each k that is separated,
    # and at k = 2 a judge of signs.
    trained = 2 + 2 * len({2, promise.components}) if promise.secret == "orthogonal" else 1
    return trained * (STEPS[budget] // JUDGED)


@dataclass(frozen=True)
class ClaimAudit:
    """All figures of one network's claim.

    Attributes:
        claim: what is promised.
        facts: of network, data, budget and seed, as plain values.
        figures: in the order of a report.
    """

    claim: Claim
    facts: dict[str, Any]
    figures: tuple[ClaimFigure, ...]

    @property
    def broken(self) -> tuple[ClaimFigure, ...]:
        """Figures beyond what was promised, by intervals that allow for how many there are."""
        count = promising(self.figures)
        return tuple(figure for figure in self.figures if figure.kept_among(count) is False)

    @property
    def verdict(self) -> str:
        """One sentence: what is promised, and whether an attacker went beyond it."""
        nats = f"at most {self.facts.get('nats') or 0:.3g} nats a transmission"
        promised = nats if self.claim == "nats" else f"one of {self.facts['components']}"
        if self.broken:
            names = ", ".join(figure.name for figure in self.broken)
            return f"Promised is {promised}, but an attacker went beyond it: {names}."
        return f"Promised is {promised}; no attacker of this audit went beyond it."

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write claims.json and claims.md.

        Args:
            folder: made where it is missing.

        Returns:
            Both paths.

        Raises:
            AuditError: the folder cannot be written to.
        """
        facts = {"claim": self.claim, **self.facts, "figures": [figure.facts() for figure in self.figures]}
        texts = {".json": json.dumps(facts, indent=2) + "\n", ".md": self.page()}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for ending, text in texts.items():
                (folder / f"{REPORT}{ending}").write_text(text, encoding="utf-8")
        except OSError as error:
            raise AuditError(f"cannot write to {folder} ({error.strerror}); give another --out") from error
        return folder / f"{REPORT}.json", folder / f"{REPORT}.md"

    def page(self) -> str:
        """Write the report for people, in Markdown."""
        facts = "\n".join(f"- {name}: {value}" for name, value in self.facts.items())
        said = f"**Broken.** {self.verdict}" if self.broken else f"{self.verdict} The next one may."
        return f"# Audit of a claim: {self.claim}\n\n{said}\n\n{table(self.figures)}\n\n{facts}\n"


def audit_claim(
    subject: Subject, dataset: ImageDataset, effort: Effort, seed: int, watch: Watch | None = None
) -> ClaimAudit:
    """Attack what a subject promises.

    Args:
        subject: a checkpoint or a bundle with a promise.
        dataset: what it was trained on; judged on its test images alone.
        effort: numbers of images, and of steps by its name.
        seed: of all random numbers.
        watch: told of every step of an attacker that trains, `steps_of` in all.

    Returns:
        The figures; each has its interval and, where something is promised, the bound.

    Raises:
        AuditError: nothing is promised, or the data are not what the network takes and tells.
    """
    promise = subject.promise
    if promise is None:
        raise AuditError("this network promises neither nats nor one of k; its audit is the ordinary one")
    require_fit(subject, dataset)
    stated = {name: value for name, value in asdict(promise).items() if name != "claim" and value is not None}
    facts = {
        "audited": subject.audited, "sha256": subject.sha256, **stated,
        "data": dataset.name, "budget": effort.name, "seed": seed,
    }  # fmt: skip
    judge = _bounded if promise.claim == "nats" else _anonymous
    return ClaimAudit(promise.claim, facts, judge(subject.device, promise, dataset, effort, seed, watch))


def _bounded(
    device: Device, promise: Promise, dataset: ImageDataset, effort: Effort, seed: int, watch: Watch | None
) -> tuple[ClaimFigure, ...]:
    rng = np.random.default_rng(seed)
    known, test = (
        _labelled(device, split, most, rng)
        for split, most in ((dataset.train, effort.train_images), (dataset.test, effort.test_images))
    )
    law = GramLaw(promise.components, promise.sigma or 0.0)
    return bounded.judge(
        known, test, law, promise.nats or 0.0,
        classes=len(dataset.classes), steps=STEPS[effort.name], seed=seed, watch=watch,
        encode=getattr(device, "encoder", None),  # checkpoints alone have one with a gradient
    )  # fmt: skip


def _labelled(device: Device, split: Split, most: int, rng: np.random.Generator) -> bounded.Features:
    rows = rng.permutation(np.sort(rng.permutation(len(split))[:most]))  # data come sorted by class
    images = split.images[rows]
    return bounded.Features(device.encode(images), np.asarray(split.labels)[rows], images)


def _anonymous(
    device: Device, promise: Promise, dataset: ImageDataset, effort: Effort, seed: int, watch: Watch | None
) -> tuple[ClaimFigure, ...]:
    """All four sets are test images: inputs and archive have one law, and the network knows neither."""
    rng = np.random.default_rng(seed)
    order = np.array_split(rng.permutation(len(dataset.test)), 20)
    images = [_shuffled(dataset.test.images[np.sort(np.concatenate(order[at]))], rng) for at in _shares()]
    crowd = anonymous.Crowd(*(device.encode(part) for part in images))
    signs, steps = promise.secret == "orthogonal", STEPS[effort.name] // JUDGED
    judge, found = anonymous.judge_identification(crowd, signs=signs, steps=steps, seed=seed, watch=watch)
    films = tuple(
        figure
        for session in (True, False)
        for figure in _film(device, promise, images[0], images[1], judge, session=session, seed=seed)
    )
    if not signs:
        return (*found, *films)
    separated = (
        anonymous.judge_separation(
            crowd, judge, k, most=SEPARATED, steps=steps, seed=seed, shown=(images[2], images[0]), watch=watch
        )
        for k in sorted({2, promise.components})
    )
    return (*found, *films, *(figure for part in separated for figure in part))


def _shuffled(images: Pixels, rng: np.random.Generator) -> Pixels:
    """Put images in random order: data come sorted by class, and parts are taken from their heads."""
    return images[rng.permutation(len(images))]


def _shares() -> tuple[slice, slice, slice, slice]:
    """Twentieths of the test images: inputs, decoys, and those that the judge is trained on."""
    return slice(0, 4), slice(4, 8), slice(8, 14), slice(14, 20)


def _film(
    device: Device,
    promise: Promise,
    inputs: Pixels,
    decoys: Pixels,
    judge: Judge,
    *,
    session: bool,
    seed: int,
) -> tuple[ClaimFigure, ...]:
    k = promise.components
    rng = np.random.default_rng(seed)
    count = min(FILMS, len(inputs), len(decoys))
    shown = _frames(device, inputs[:count], rng)
    hidden = _frames(device, decoys, rng) if session else device.encode(decoys)[:, None]
    chosen = np.stack(
        [rng.choice(len(decoys), (FRAMES if not session else 1, k - 1)) for _ in range(count)]
    )  # (N, T or 1, k - 1)
    rows = hidden[chosen[:, 0]] if session else hidden[chosen, 0].swapaxes(1, 2)  # both (N, k - 1, T, ...)
    named = anonymous.judge_film(shown, rows, judge, session=session, seed=seed)
    if promise.secret != "orthogonal":  # permutations show the rows openly
        return (named,)
    return named, *anonymous.judge_frames(shown, rows, session=session, seed=seed)


def _frames(device: Device, images: Pixels, rng: np.random.Generator) -> Floats:
    """Films of FRAMES frames, each the next of the one before: features (N, T, ...)."""
    frames = [images]
    while len(frames) < FRAMES:
        frames.append(CHANGES["next-frame"](frames[-1], rng))
    return np.stack([device.encode(frame) for frame in frames], axis=1)
