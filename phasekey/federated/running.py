"""A run on the server: rounds go on from where they were, and each ends in a checkpoint that is proved."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from phasekey.bundle.checksums import sha256_of_file
from phasekey.federated.errors import FederatedError
from phasekey.federated.rounds import Public, end_round
from phasekey.federated.settings import RoundFacts, Rounds, Terms
from phasekey.federated.travelling import take
from phasekey.federated.updates import Arrays
from phasekey.training.checkpoint import Checkpoint, checkpoint_bytes, load_checkpoint


@dataclass(frozen=True)
class Job:
    """What a server does.

    Attributes:
        start: checkpoint to begin with.
        public: images that nobody needs to hide.
        rounds, terms: how the run goes.
        out: folder for model.pt, written anew after every round that is proved.
        say: takes a line about each round.
        release: makes a bundle of each round's checkpoint; None makes none.
    """

    start: Path
    public: Public
    rounds: Rounds
    terms: Terms
    out: Path
    say: Callable[[str], None]
    release: Callable[[Path, int], None] | None = None

    @property
    def model(self) -> Path:
        """Where the result lies."""
        return self.out / "model.pt"


def improve(grid: Any, context: Any, job: Job) -> Path:
    """Run the rounds that are left, by whatever grid.

    Args:
        grid: Flower's, to the devices.
        context: Flower's, of the ServerApp.
        job: what to do.

    Returns:
        The path of model.pt.

    Raises:
        FederatedError: model.pt is of another run, a round's result is not proved, too few devices came, or
            no round changed anything.
        TrainingError: a checkpoint or a folder.
    """
    from phasekey.federated.flower.server import run_rounds

    job.out.mkdir(parents=True, exist_ok=True)
    checkpoint, done = resume(job)
    digest = sha256_of_file(job.start)
    if done and job.release is not None:
        job.release(job.model, done)  # the server may have been killed at it

    def after(facts: RoundFacts, weights: Arrays) -> None:
        told: dict[str, Any] = {"rounds": facts.number, "devices": facts.taken}
        told |= {"aggregate": job.rounds.aggregate, "start": digest}
        if facts.epsilon is not None:
            told |= {"epsilon": facts.epsilon, "delta": job.rounds.delta}
        scores = end_round(checkpoint, weights, job.public, job.model, told, thawed=job.terms.thawed)
        job.say(
            f"round {facts.number}/{job.rounds.number}: {facts.taken} devices, {facts.refused} left out, "
            f"test accuracy {scores.hidden:.4f} through the secret; proved"
            + ("" if facts.epsilon is None else f"; epsilon {facts.epsilon:.2f} spent")
        )
        if job.release is not None:
            job.release(job.model, facts.number)

    run_rounds(
        grid, context, take(checkpoint.network, thawed=job.terms.thawed), job.terms, job.rounds, after,
        network=as_sent(checkpoint), first=done + 1,
    )  # fmt: skip
    if not job.model.is_file():
        raise FederatedError(
            f"no round had the {job.rounds.min_clients} updates that it takes: nothing was written"
        )
    return job.model


def resume(job: Job) -> tuple[Checkpoint, int]:
    """Find where a run is.

    Returns:
        The checkpoint to go on from, and the rounds that it has behind it.

    Raises:
        FederatedError: the folder holds the result of a run from another start.
        TrainingError: a checkpoint that cannot be read.
    """
    if not job.model.is_file():
        return load_checkpoint(job.start), 0
    found = load_checkpoint(job.model)
    facts = found.facts.get("federated", {})
    if facts.get("start") != sha256_of_file(job.start):
        raise FederatedError(
            f"{str(job.model)!r} is there already, and not of a run from {str(job.start)!r}: "
            "give another --out, or move it away"
        )
    return found, int(facts["rounds"])


def as_sent(checkpoint: Checkpoint) -> bytes:
    """The bytes of a checkpoint as devices get it: without settings and figures of the server's own."""
    return bytes(checkpoint_bytes(replace(checkpoint, config={}, facts={})))
