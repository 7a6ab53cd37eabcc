"""The parts of the comparison with private inference: programs, table. Never how fast anything is."""

import sys
from pathlib import Path

import pytest

from benchmarks.environments import UnavailableError
from benchmarks.private import libraries, ours
from benchmarks.private.command import measure
from benchmarks.private.libraries import LIBRARIES, Library
from benchmarks.private.report import render


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a library's program: program(its text) -> the library."""

    def write(text: str) -> Library:
        (tmp_path / "program.py").write_text(text)
        monkeypatch.setattr(libraries, "PROGRAMS", tmp_path)
        return Library("One", "one", (), "program.py", ("relu",), "something", 2.0, repeats=3)

    return write


def test_a_program_is_told_how_often_and_its_last_line_is_read(program) -> None:
    library = program(
        "import json, sys; print('noise'); print(json.dumps([0.5] * int(sys.argv[1]) + [len(sys.argv[2])]))"
    )
    assert library.seconds(Path(sys.executable)) == [0.5, 0.5, 0.5, 4]


def test_what_a_program_says_at_its_end_is_why_it_is_missing(program) -> None:
    library = program("import sys; sys.exit('no such protocol')")
    with pytest.raises(UnavailableError, match="no such protocol"):
        library.seconds(Path(sys.executable))


def test_what_fails_is_left_out_and_the_slow_run_once(program, monkeypatch: pytest.MonkeyPatch) -> None:
    good = program("print('[2.0, 4.0, 3.0]')")
    monkeypatch.setitem(LIBRARIES, "good", good)  # type: ignore[arg-type]
    slow = Library("Slow", "one", (), "program.py", (), "something", None, rounds=1)
    monkeypatch.setitem(LIBRARIES, "slow", slow)  # type: ignore[arg-type]
    bad = Library("Bad", "one", (), "absent.py", (), "something")
    monkeypatch.setitem(LIBRARIES, "bad", bad)  # type: ignore[arg-type]
    calls: list[str] = []
    clients = {"bounded": lambda: calls.append("b"), "anonymous": lambda: calls.append("a")}
    missing: dict[str, str] = {}
    python = Path(sys.executable)
    times = measure(clients, {"good": python, "slow": python, "bad": python}, missing, 2)
    assert times["good"] == [[2.0, 4.0, 3.0]] * 2
    assert len(times["slow"]) == 1
    assert "absent.py" in missing["bad"]
    assert len(calls) == 2 * 2 * (1 + 20)


def test_ratios_are_taken_round_by_round_and_every_row_says_what_it_guarantees() -> None:
    times = {"bounded": [[0.001], [0.004]], "anonymous": [[0.002], [0.002]], "tenseal": [[10.0]]}
    times["crypten-square"] = [[0.1, 0.2, 0.3], [0.8]]
    missing = dict.fromkeys(set(LIBRARIES) - set(times), "not asked for")
    text = render(times, missing, 2)
    row = next(line for line in text.splitlines() if "CrypTen 0.4.1, LeNet with squares" in line)
    assert "| **200** (200 to 200) | **250** (175 to 325) | ≥ 50 |" in row
    row = next(line for line in text.splitlines() if line.startswith("| TenSEAL"))
    assert "| **1e+04** (1e+04 to 1e+04) | **5e+03** (5e+03 to 5e+03) | ≥ 4000 |" in row
    for library in LIBRARIES.values():
        assert library.guarantee in text
    assert "not run: not asked for" in text


def test_our_first_prediction_does_not_count() -> None:
    calls: list[int] = []
    assert len(ours.seconds(lambda: calls.append(1), 4)) == 4
    assert len(calls) == 5
