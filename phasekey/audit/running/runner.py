"""Running attacks one after another: progress, resuming, and what comes of it."""

import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from phasekey.audit.artefacts import Artefact
from phasekey.audit.attack import Attack, Context, Findings, Unwatched, Watch, Yardstick, builds_on
from phasekey.audit.budget import Effort
from phasekey.audit.numerics.rotation import unrotate
from phasekey.audit.result.result import AttackResult
from phasekey.audit.running.findings_cache import FindingsFolder, Kept
from phasekey.audit.scene.scene import Samples, Scene
from phasekey.audit.scene.view import AttackerView, view_of
from phasekey.audit.scoring.scores import ScoreContext, score

NOT_ASKED_FOR = "not asked for (--attacks)"
# Gives the watch of one attack, for as long as it runs.
Watching = Callable[[Attack], AbstractContextManager[Watch]]


@dataclass(frozen=True)
class Plan:
    """Which attacks run, and why the others don't.

    Attributes:
        attacks: those that run, in order.
        skipped: reasons by the others' names.
    """

    attacks: tuple[Attack, ...]
    skipped: Mapping[str, str]


def plan(attacks: Sequence[Attack], scene: Scene, wanted: frozenset[str] | None = None) -> Plan:
    """Choose which attacks run.

    Args:
        attacks: all, in order.
        scene: which not every attack applies to.
        wanted: names of attacks, to which those are added that they build on; None for all.

    Returns:
        Those that run, and why the others don't.
    """
    chosen = None if wanted is None else _with_foundations(attacks, wanted)
    view = view_of(scene)
    skipped = {
        attack.name: reason for attack in attacks if (reason := _reason(attack, view, chosen)) is not None
    }
    return Plan(tuple(attack for attack in attacks if attack.name not in skipped), skipped)


def _reason(attack: Attack, view: AttackerView, chosen: frozenset[str] | None) -> str | None:
    if chosen is not None and attack.name not in chosen:
        return NOT_ASKED_FOR
    return attack.why_not(view)


def _with_foundations(attacks: Sequence[Attack], wanted: frozenset[str]) -> frozenset[str]:
    chosen = set(wanted)
    for attack in reversed(attacks):  # what an attack builds on runs before it
        if attack.name in chosen:
            chosen |= {other.name for other in attacks if builds_on(attack, other)}
    return frozenset(chosen)


def run_attacks(
    attacks: Sequence[Attack], scene: Scene, effort: Effort, seed: int, folder: FindingsFolder,
    watching: Watching,
) -> dict[str, Kept]:  # fmt: skip
    """Findings of all attacks; those that the folder has already are not made again.

    Whatever an attack raises ends the audit; what was found before is in the folder.

    Args:
        attacks: in order.
        scene: with the truth, of which they see nothing.
        effort: what each may spend.
        seed: from which each gets its own.
        folder: keeps what is found.
        watching: gives each its watch.

    Returns:
        By the attack's name.
    """
    done: dict[str, Kept] = {}
    view = view_of(scene)
    for attack in attacks:
        left = (each for kept in done.values() for each in kept.findings.artefacts)
        earlier = tuple(each for each in left if isinstance(each, attack.needs))
        with watching(attack) as watch:
            kept = folder.load(attack, earlier)
            if kept is None:
                begun = time.process_time()
                context = Context(view, effort, seed_of(attack.name, seed), watch, earlier)
                findings = run_attack(attack, context, scene.test)
                kept = Kept(findings, time.process_time() - begun)
                folder.save(attack, earlier, kept)
            done[attack.name] = kept
    return done


def attack_scene(
    attack: Attack, scene: Scene, effort: Effort, seed: int = 0, *earlier: Artefact,
    watch: Watch | None = None,
) -> Findings:  # fmt: skip
    """Run one attack by itself on a scene.

    Args:
        attack: e.g. `MeanTemplate()`.
        scene: with the truth, of which the attack sees nothing.
        effort: what it may spend.
        seed: of all that it draws.
        earlier: what other attacks left, of the types that it needs.
        watch: whom it tells how far it is, None for nobody.

    Returns:
        What it found, with `reference` where there is one.
    """
    context = Context(view_of(scene), effort, seed, watch or Unwatched(), earlier)
    return run_attack(attack, context, scene.test)


def run_attack(attack: Attack, context: Context, truth: Samples) -> Findings:
    """Run one attack on its view; only then measure it with the truth of the test split.

    The truth never reaches `Attack.run`: it goes to the same attacker asked again with nothing hidden, for
    `reference`, and to yardsticks, which are told it by design.

    Args:
        attack: to run.
        context: its view, budget and artefacts.
        truth: the test split with all that is hidden.

    Returns:
        What it found, with `reference` where there is one.
    """
    found = attack.run(context)
    if isinstance(attack, Yardstick):
        return attack.told(context, truth, found)
    if found.unhidden is None:
        return found
    return replace(found, reference=found.unhidden(truth), unhidden=None)


def seed_of(name: str, seed: int) -> int:
    """A seed for each attack: with one for all, they would draw the same angles and rows.

    Args:
        name: of the attack.
        seed: of the audit.

    Returns:
        31 bits.
    """
    return int(np.random.SeedSequence([seed, zlib.crc32(name.encode())]).generate_state(1)[0] >> 1)


def judge(
    attacks: Sequence[Attack], scene: Scene, done: Mapping[str, Kept], skipped: Mapping[str, str], seed: int,
    scoring: Callable[[Attack], None] = lambda attack: None,  # noqa: ARG005
) -> tuple[AttackResult, ...]:  # fmt: skip
    """Scores of all attacks, in their order, and the reasons why some didn't run.

    Args:
        attacks: all.
        scene: with the truth.
        done: findings by name.
        skipped: reasons by name.
        seed: of the intervals.
        scoring: told of each attack that ran before its findings are scored.

    Returns:
        One result for each attack.
    """
    reference = done.get("right-key")
    context = ScoreContext.of(scene, seed, reference.findings if reference else None)
    results = []
    for attack in attacks:
        if attack.name in done:
            scoring(attack)
            findings = done[attack.name].findings
            figures = score(attack, findings, scene, context)
            results.append(AttackResult(**_described(attack), figures=figures, curve=findings.curve))
        else:
            results.append(AttackResult(**_described(attack), skipped=skipped[attack.name]))
    return tuple(results)


def _described(attack: Attack) -> dict[str, Any]:
    return {name: getattr(attack, name) for name in ("name", "leak", "title", "source", "how", "remedy")}


def task_error(scene: Scene) -> float | None:
    """Percent of wrong answers that the device gets on the test images with the right angle.

    Args:
        scene: with the truth.

    Returns:
        None where the processing module is not there to ask. Of attributes, each counts alike.
    """
    if not scene.device.processes:
        return None
    h, test = scene.device.process(scene.test.x), scene.test
    probabilities = scene.device.decode(h if test.theta is None else unrotate(h, test.theta))
    right = (
        probabilities.argmax(1) == test.labels
        if test.labels.ndim == 1
        else (probabilities > 0.5) == (test.labels > 0)
    )
    return float(100 * (1 - right.mean()))
