"""How results are shown: a table or lines of JSON, and how far a long job is."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from phasekey.errors import PhasekeyError
from sdk.prediction import Prediction

_LONG = 20  # images, from which on people want to see how far it is
_SHOWN = 5  # classes of each image in JSON


class Table:
    """One line for each image, in columns.

    Args:
        labels: all that there are, for the width of their column.
        images: all that will come.
        heading: whether to name the columns.
    """

    def __init__(self, labels: Sequence[str], images: Sequence[Path], *, heading: bool) -> None:
        self._name, self._label = (
            max(map(len, texts)) for texts in (["image", *map(str, images)], ["label", *labels])
        )
        self._heading = heading

    def begin(self) -> None:
        """Name the columns."""
        if self._heading:
            _write(f"{'image':<{self._name}}  {'label':<{self._label}}  probability  time (ms)")

    def add(self, path: Path, result: Prediction) -> None:
        """Print a result."""
        elapsed, probability = 1000 * result.timings.total, float(result.probabilities.max())
        mark = "  computed here: no server" if result.fallen_back else ""
        names = f"{path!s:<{self._name}}  {result.labels[0]:<{self._label}}"
        _write(f"{names}  {probability:>11.4f}  {elapsed:>9.1f}{mark}")

    def fail(self, path: Path, error: PhasekeyError) -> None:  # noqa: ARG002 - the error names it
        """Say what is wrong with an image."""
        sys.stderr.write(f"error: {error}\n")


class JsonLines:
    """One JSON object for each image, a line each."""

    def begin(self) -> None:
        """Nothing stands above."""

    def add(self, path: Path, result: Prediction) -> None:
        """Print a result."""
        stages = {name: round(1000 * seconds, 3) for name, seconds in vars(result.timings).items()}
        fields = {
            "image": str(path),
            "label": result.labels[0],
            "top": [{"label": name, "probability": value} for name, value in result.top(_SHOWN)[0]],
            "milliseconds": stages,
            "computed": "device" if result.fallen_back else "cloud",
        }
        _write(json.dumps(fields, ensure_ascii=False))

    def fail(self, path: Path, error: PhasekeyError) -> None:
        """Say what is wrong with an image."""
        _write(json.dumps({"image": str(path), "error": str(error)}, ensure_ascii=False))


class Progress:
    """How many of many are done, on standard error where a person looks at it.

    Args:
        total: how many there are.
        wanted: False says nothing.
    """

    def __init__(self, total: int, *, wanted: bool) -> None:
        self._total, self._done = total, 0
        looked_at = sys.stderr.isatty() and not sys.stdout.isatty()
        self._shown = wanted and total >= _LONG and looked_at

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if self._shown:
            end = "\n" if self._done == self._total else "\r"
            sys.stderr.write(f"{self._done:>{len(str(self._total))}} of {self._total}{end}")
            sys.stderr.flush()


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
