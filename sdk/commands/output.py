"""How results are shown: a table or lines of JSON, and how far a long job is."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from phasekey.errors import PhasekeyError
from sdk.core.labels import NONE
from sdk.prediction import Prediction

_LONG = 20  # images, from which on people want to see how far it is
_SHOWN = 5  # classes of each image in JSON


class Table:
    """One line for each image, in columns.

    Args:
        labels: all that there are, for the width of their column.
        images: all that will come.
        heading: whether to name the columns.
        several: an image may have any number of labels, each with a probability of its own.
    """

    def __init__(
        self, labels: Sequence[str], images: Sequence[str], *, heading: bool, several: bool = False
    ) -> None:
        self._name, self._label = (max(map(len, texts)) for texts in (["image", *images], ["label", *labels]))
        self._heading, self._several = heading, several

    def begin(self) -> None:
        """Name the columns."""
        label = "time (ms)  labels" if self._several else f"{'label':<{self._label}}  probability  time (ms)"
        if self._heading:
            _write(f"{'image':<{self._name}}  {label}")

    def add(self, path: str, result: Prediction) -> None:
        """Print a result."""
        elapsed = f"{1000 * result.timings.total:>9.1f}"
        mark = "  computed here: no server" if result.fallen_back else ""
        if self._several:
            labels = ", ".join(f"{name} {value:.4f}" for name, value in _likely(result)) or NONE
            _write(f"{path:<{self._name}}  {elapsed}  {labels}{mark}")
            return
        names = f"{path:<{self._name}}  {result.labels[0]:<{self._label}}"
        _write(f"{names}  {float(result.probabilities.max()):>11.4f}  {elapsed}{mark}")

    def fail(self, path: str, error: PhasekeyError) -> None:  # noqa: ARG002 - the error names it
        """Say what is wrong with an image."""
        sys.stderr.write(f"error: {error}\n")


class JsonLines:
    """One JSON object for each image, a line each.

    Args:
        several: an image may have any number of labels.
    """

    def __init__(self, *, several: bool = False) -> None:
        self._several = several

    def begin(self) -> None:
        """Nothing stands above."""

    def add(self, path: str, result: Prediction) -> None:
        """Print a result."""
        stages = {name: round(1000 * seconds, 3) for name, seconds in vars(result.timings).items()}
        fields = {
            "image": path,
            "label": result.labels[0],
            "labels": [name for name, _ in _likely(result)] if self._several else result.labels,
            "top": [{"label": name, "probability": value} for name, value in result.top(_SHOWN)[0]],
            "milliseconds": stages,
            "computed": "device" if result.fallen_back else "cloud",
        }
        _write(json.dumps(fields, ensure_ascii=False))

    def fail(self, path: str, error: PhasekeyError) -> None:
        """Say what is wrong with an image."""
        _write(json.dumps({"image": path, "error": str(error)}, ensure_ascii=False))


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


def _likely(result: Prediction) -> list[tuple[str, float]]:
    """The labels of one image that are likelier than not, likeliest first."""
    return [(name, value) for name, value in result.top(len(result.classes))[0] if value > 0.5]


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
