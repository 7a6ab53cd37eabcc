"""`python -m benchmarks capacity`."""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.capacity.measure import measure
from benchmarks.capacity.report import render


def add_arguments(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("--images", type=Path, required=True, help="a tar archive with JPEGs of 32 × 32, e.g. of CIFAR-10")
    option("--rounds", type=int, default=5, help="rounds through all ways (default 5)")
    option("--slice", type=float, default=2.0, help="seconds of one slice (default 2)")
    option("--cores", type=int, nargs=2, metavar=("SERVER", "CLIENT"), help="default: the first two")
    option("--out", type=Path, help="write the page to this markdown file as well")


def run(options: argparse.Namespace) -> int:
    cores = options.cores or sorted(os.sched_getaffinity(0))[:2]
    with TemporaryDirectory() as folder:
        found = measure(
            Path(folder), options.images, rounds=options.rounds, seconds=options.slice, cores=cores
        )
    text = render(found, rounds=options.rounds, seconds=options.slice)
    print(text)
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    return 0
