"""`python -m benchmarks private`."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from benchmarks.environments import CACHE, UnavailableError, make_environment
from benchmarks.private import ours
from benchmarks.private.libraries import LIBRARIES
from benchmarks.private.report import render

OWN_REPEATS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("--library", action="append", choices=list(LIBRARIES), help="only this one (may be repeated)")
    option("--rounds", type=int, default=5, help="rounds through all (default 5)")
    option("--environments", type=Path, default=CACHE, metavar="DIR", help="where libraries are installed")
    option("--out", type=Path, help="write the table to this markdown file as well")


def run(options: argparse.Namespace) -> int:
    missing: dict[str, str] = {}
    pythons = dict(_environments(options.library or list(LIBRARIES), options.environments, missing))
    with TemporaryDirectory() as folder, ours.clients(Path(folder)) as clients:
        times = measure(clients, pythons, missing, options.rounds)
    text = render(times, missing, options.rounds)
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    return 0


def _environments(names: list[str], folder: Path, missing: dict[str, str]) -> Iterator[tuple[str, Path]]:
    for name in LIBRARIES:
        library = LIBRARIES[name]
        if name not in names:
            missing[name] = "not asked for"
            continue
        try:
            where = folder / library.environment
            yield name, make_environment(where, library.requirements, library.alone)
        except (UnavailableError, OSError) as error:
            missing[name] = str(error)


def measure(
    clients: Mapping[str, Callable[[], object]],
    pythons: Mapping[str, Path],
    missing: dict[str, str],
    rounds: int,
) -> dict[str, list[list[float]]]:
    """Run all in turn.

    Args:
        clients: what predicts one image, for each of our rows.
        pythons: of each library's environment.
        missing: gains the libraries that fail, and why.
        rounds: how many.

    Returns:
        For each row the seconds of each inference, round by round.
    """
    times: dict[str, list[list[float]]] = {name: [] for name in (*clients, *pythons)}
    for number in tqdm(range(rounds), unit="round", file=sys.stderr):
        for name, predict in clients.items():
            times[name].append(ours.seconds(predict, OWN_REPEATS))
        for name in pythons:
            if name in missing or number >= LIBRARIES[name].rounds:
                continue
            try:
                times[name].append(LIBRARIES[name].seconds(pythons[name]))
            except UnavailableError as error:
                missing[name] = str(error)
                del times[name]
    return times
