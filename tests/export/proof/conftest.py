"""The two verdicts on a graph, side by side: the proof's, and the runtime's at random angles."""

import pytest

from export.checks.numeric import equivariance_errors
from export.proof import Verdict, prove

from .graph_builder import save

RIGHT, WRONG = 1e-5, 1e-3  # relative L2: float32's rounding stays below, every mutant lies above


@pytest.fixture
def check(tmp_path):
    """check(model) -> Verdict, after measuring that the graph is what the verdict says (or as told)."""

    def checked(model, *, equivariant: bool | None = None, tolerance=RIGHT, **options) -> Verdict:
        verdict = prove(model, **options)
        kept = {name: options[name] for name in ("layout", "group") if name in options}
        error = equivariance_errors(save(model, tmp_path), rotated=options.get("rotated"), **kept).max()
        if verdict.proved if equivariant is None else equivariant:
            assert error <= tolerance, f"{verdict}, but it is off by {error}"
        else:
            assert error > WRONG, f"{verdict}, but it is off by {error} alone"
        return verdict

    return checked
