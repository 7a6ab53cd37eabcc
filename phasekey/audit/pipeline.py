"""The steps of an audit, one after another: stage, attack, score, write."""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from phasekey.audit.attacks import ATTACKS
from phasekey.audit.budget import Effort
from phasekey.audit.errors import AuditError
from phasekey.audit.report import write_report
from phasekey.audit.result.examples import collect
from phasekey.audit.result.report_json import REPORT_FILE, audit_text, make_folder
from phasekey.audit.result.result import Audit
from phasekey.audit.running.findings_cache import FindingsFolder, Kept, code_digest
from phasekey.audit.running.progress import Progress
from phasekey.audit.running.runner import judge, plan, run_attacks, task_error
from phasekey.audit.scene.scene import Scene
from phasekey.audit.subject.stage import Stage, Terms, build_stage
from phasekey.audit.subject.subject import Subject
from phasekey.files import write_whole
from phasekey.machine import hardware, versions
from phasekey.training.controls.comparison import Comparison
from phasekey.training.data.dataset import ImageDataset

WORK = "work"  # folder of what attackers found, for an audit that goes on


@dataclass(frozen=True)
class Request:
    """How to audit.

    Attributes:
        effort: the budget.
        seed: of all that is drawn.
        terms: how the device behaves, and what its software tells.
        attacks: names of a subset, or None for all.
        fresh: leave aside what is there.
    """

    effort: Effort
    seed: int = 0
    terms: Terms = field(default_factory=Terms)
    attacks: frozenset[str] | None = None
    fresh: bool = False


def run_audit(
    subject: Subject, dataset: ImageDataset, request: Request, folder: Path, *,
    progress: bool = True, alone: Callable[[], Comparison | None] = lambda: None,
) -> Audit:  # fmt: skip
    """Attack, and write report.json, examples.npz, report.html and its figures into the folder.

    Findings lie in FOLDER/work as soon as an attack is done, so that the same call goes on after a kill.

    Args:
        subject: the network or bundle under audit.
        dataset: images like those that it was trained on.
        request: how to audit.
        folder: where to write; made where it is missing.
        progress: whether to show a bar.
        alone: compares the network with its device alone; called when all attacks are done.

    Returns:
        The audit as report.json has it.

    Raises:
        AuditError: data that does not fit, a folder that cannot be, or a disk that refuses a file.
    """
    _require_known(request.attacks)
    make_folder(folder)
    stage = build_stage(subject, dataset, request.effort, request.seed, request.terms)
    chosen = plan(ATTACKS, stage.scene, request.attacks)
    kept = FindingsFolder(folder / WORK, _terms(subject, dataset, request, stage))
    if request.fresh:
        kept.clear(ATTACKS)
    with Progress(chosen.attacks, stage.effort, shown=progress) as bar:
        done = run_attacks(chosen.attacks, stage.scene, stage.effort, request.seed, kept, bar.watching)
        results = judge(ATTACKS, stage.scene, done, chosen.skipped, request.seed, bar.score)
    audit = Audit(
        subject=_subject_facts(subject, dataset, request),
        effort=asdict(stage.effort),
        splits=_splits(stage.scene),
        facts=_facts(request, stage, done),
        task_error=task_error(stage.scene),
        property_names=stage.scene.property_names,
        property_is_task=stage.scene.property_is_task,
        attacks=results,
    )
    findings = {name: kept.findings for name, kept in done.items()}
    write_whole(folder / REPORT_FILE, audit_text(audit).encode(), error=AuditError)
    examples = collect(stage.scene, chosen.attacks, findings)
    examples.save(folder)
    write_report(folder, audit, examples, alone())
    return audit


def _require_known(names: frozenset[str] | None) -> None:
    known = [attack.name for attack in ATTACKS]
    unknown = sorted((names or frozenset()) - set(known))
    if unknown:
        raise AuditError(f"no attack is called {unknown[0]!r}; --attacks takes some of {', '.join(known)}")


def _terms(subject: Subject, dataset: ImageDataset, request: Request, stage: Stage) -> dict[str, Any]:
    """All that findings follow from."""
    scene = stage.scene
    return {
        "sha256": subject.sha256,
        "terms": asdict(request.terms),
        "effort": asdict(stage.effort),
        "seed": request.seed,
        "data": dataset.name,
        "splits": _splits(scene),
        "images": [_digest(split.images) for split in (scene.train, scene.validation, scene.test)],
        "versions": versions(),
        "code": code_digest(),
    }


def _digest(images: Any) -> int:
    return zlib.crc32(np.ascontiguousarray(images).tobytes())


def _splits(scene: Scene) -> dict[str, int]:
    return {name: len(getattr(scene, name)) for name in ("train", "validation", "test")}


def _subject_facts(subject: Subject, dataset: ImageDataset, request: Request) -> dict[str, Any]:
    return {
        "kind": subject.kind,
        "sha256": subject.sha256,
        "audited": subject.audited,
        **subject.facts,
        "data": dataset.name,
        **asdict(request.terms),
        "incomplete": what_is_missing(subject, request),
    }


def what_is_missing(subject: Subject, request: Request) -> str | None:
    """Why this audit says less than a whole one.

    Args:
        subject: what is audited.
        request: how.

    Returns:
        Reasons in one line; None where it is whole.
    """
    rotated = subject.device.rotated
    reasons = {
        "only some attacks were run (--attacks)": request.attacks is not None,
        "attacks that need the device's software were left out (--box black)": request.terms.box == "black",
        "features were hidden by other images' features, not by what devices draw (--decoys another-input)": (
            rotated and request.terms.decoy_law != "device"
        ),
        "the cloud's half of the bundle was not there to ask": not subject.device.processes,
    }
    found = [reason for reason, holds in reasons.items() if holds]
    return "; ".join(found) if found else None


def _facts(request: Request, stage: Stage, done: Mapping[str, Kept]) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "seed": request.seed,
        "hardware": hardware(),
        "versions": versions(),
        "cpu_seconds": {name: round(kept.seconds, 2) for name, kept in done.items()},
        "notes": list(stage.notes),
    }


def attack_names() -> tuple[str, ...]:
    """Names of all attacks, in the order in which they run."""
    return tuple(attack.name for attack in ATTACKS)
