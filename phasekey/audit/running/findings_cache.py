"""Findings on disk: what lets an audit that was killed go on where it stopped."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from phasekey.audit.artefacts import Artefact
from phasekey.audit.attack import Attack, CurvePoint, Findings
from phasekey.audit.errors import AuditError
from phasekey.files import write_whole

# What numpy and zipfile raise for a file that is damaged or is something else.
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class Kept:
    """What one attack found, and at what cost.

    Attributes:
        findings: of the attack.
        seconds: of the processor.
    """

    findings: Findings
    seconds: float


class FindingsFolder:
    """One file for each attack that is done, folder/<name>.npz, each with the fingerprint of its terms.

    terms: all that findings follow from, as JSON holds it. A file of other terms is as good as none.
    """

    def __init__(self, folder: Path, terms: Mapping[str, Any]) -> None:
        self._folder, self._terms = folder, terms

    def load(self, attack: Attack, earlier: tuple[Artefact, ...]) -> Kept | None:
        """What an attack found on these terms with these artefacts at hand.

        Args:
            attack: which may have run.
            earlier: artefacts that it was given.

        Returns:
            None where there is nothing, or something of other terms, or a damaged file.
        """
        try:
            with np.load(self._path(attack), allow_pickle=False) as file:
                if str(file["fingerprint"]) != self._fingerprint(attack, earlier):
                    return None
                return Kept(_unpacked(dict(file), attack.provides), float(file["seconds"]))
        except _UNREADABLE:
            return None

    def save(self, attack: Attack, earlier: tuple[Artefact, ...], kept: Kept) -> None:
        """Keep what an attack found.

        Args:
            attack: which ran.
            earlier: artefacts that it was given.
            kept: its findings.

        Raises:
            AuditError: the disk refuses it.
        """
        arrays = _packed(kept.findings) | {
            "fingerprint": np.array(self._fingerprint(attack, earlier)),
            "seconds": np.array(kept.seconds),
        }
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **arrays)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._path(attack), buffer.getbuffer(), error=AuditError)

    def clear(self, attacks: Iterable[Attack]) -> None:
        """Forget what these attacks found.

        Args:
            attacks: any, whether they ran or not.
        """
        for attack in attacks:
            self._path(attack).unlink(missing_ok=True)

    def _path(self, attack: Attack) -> Path:
        return self._folder / f"{attack.name}.npz"

    def _fingerprint(self, attack: Attack, earlier: tuple[Artefact, ...]) -> str:
        terms = {**self._terms, "attack": attack.name, "earlier": [type(each).__name__ for each in earlier]}
        return hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()


@cache
def code_digest() -> str:
    """SHA-256 over the attackers' own code: what another version found says nothing of this one."""
    folder = Path(__file__).parent.parent
    sources = sorted(path for path in folder.rglob("*.py") if "report" not in path.relative_to(folder).parts)
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def _packed(findings: Findings) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        f"{type(each).__name__}.{name}": value
        for each in findings.artefacts
        for name, value in vars(each).items()
    }
    points = [list(asdict(point).values()) for point in findings.curve]
    arrays |= {"estimate": findings.estimate, "period": np.array(findings.period)}
    arrays["curve"] = np.array(points, np.float64).reshape(-1, 3)
    if findings.reference is not None:
        arrays["reference"] = findings.reference
    return arrays


def _unpacked(arrays: Mapping[str, Any], provided: tuple[type[Artefact], ...]) -> Findings:
    return Findings(
        estimate=arrays["estimate"],
        reference=arrays.get("reference"),
        period=float(arrays["period"]),
        curve=tuple(CurvePoint(int(step), *map(float, losses)) for step, *losses in arrays["curve"]),
        artefacts=tuple(
            kind(**{each.name: arrays[f"{kind.__name__}.{each.name}"] for each in fields(kind)})
            for kind in provided
            if any(name.startswith(f"{kind.__name__}.") for name in arrays)
        ),
    )
