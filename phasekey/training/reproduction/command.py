"""`phasekey reproduce`: train the rows of the paper's tables and write docs/results.md."""

import argparse
from pathlib import Path
from typing import Any

from phasekey.command import require_extra
from phasekey.machine import let_threads_sleep
from phasekey.training.command import NEEDED
from phasekey.training.errors import TrainingError
from phasekey.training.reproduction.columns import FORMS, USUAL_FORMS, columns_of
from phasekey.training.reproduction.published import Published

DESCRIPTION = "Train rows of the paper's Tables 1 and 2, and write the error rates beside the published ones."
EPILOG = f"""\
examples:
  phasekey reproduce --rows lenet-cifar10 --epochs 30 --data cifar10-jpeg.tar.gz
      trains original, additional layers, noisy (γ 0.2, 0.5, 1.0) and complex, and writes docs/results.md
  phasekey reproduce --rows lenet-cifar10 --forms complex,undefended --epochs 30 --data cifar10-jpeg.tar.gz
      the complex form with the paper's defence and without any

Networks that hide what they send are held against their device alone: what the cloud adds stands in the
report, negative where it does harm.

Each run lies in RUNS/ROW/COLUMN. What is finished with these settings is skipped, and what was killed goes
on: give the same command again. The report holds all finished runs under RUNS, also those of other calls.

rows, by their recipes: {", ".join(Published().rows)}
forms: {", ".join(FORMS)}
"""
PASSED_ON = ("epochs", "data", "images", "seed", "device")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the reproduction; what isn't given comes from the recipes."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--rows", required=True, metavar="ROW,ROW", help="recipes to train; the names are below"
    )
    parser.add_argument(
        "--forms",
        default=",".join(USUAL_FORMS),
        metavar="FORM,FORM",
        help="forms to train (default: %(default)s)",
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the training images")
    parser.add_argument(
        "--data", metavar="DATA", help="data set for all rows, as `phasekey train --data` takes it"
    )
    parser.add_argument(
        "--images", type=int, metavar="N",
        help="train and test on at most so many images of each split; the report says how many they were",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, metavar="N", help="of weights, order and angles")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where to train")
    parser.add_argument(
        "--no-controls", action="store_true",
        help="don't compare networks that hide with what their device could do without a cloud",
    )  # fmt: skip
    parser.add_argument(
        "--runs", type=Path, default=Path("runs/reproduce"), metavar="FOLDER",
        help="folder of the runs (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("docs/results.md"), metavar="FILE",
        help="report to write, with a plot beside it (default: %(default)s)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Train and report; 0 when done. Raises PhasekeyError with a message for the user."""
    require_extra("train", "reproduction", (*NEEDED, "matplotlib"))
    let_threads_sleep()
    from tqdm import tqdm

    from phasekey.training.loop.hardware import is_main_process
    from phasekey.training.reproduction.cells import Cell, plan, run_cells

    settings: dict[str, Any] = {
        name: getattr(args, name) for name in PASSED_ON if getattr(args, name) is not None
    }
    cells = plan(_rows(args.rows), columns_of(_words(args.forms)), args.runs, settings)

    def begin(cell: Cell, finished: bool) -> None:
        if is_main_process():
            tqdm.write(f"{cell.row}, {cell.column.heading}: {'finished before' if finished else 'training'}")

    epochs = max(cell.config.epochs for cell in cells)
    for _ in run_cells(
        cells, begin=begin, on_epoch=lambda metrics: tqdm.write(metrics.sentence(epochs)), progress=True,
        controls=not args.no_controls,
    ):  # fmt: skip
        if is_main_process():
            _write(args.out, args.runs)
    if is_main_process():
        tqdm.write(f"wrote {args.out}")
    return 0


def _rows(text: str) -> tuple[str, ...]:
    known, rows = Published().rows, _words(text)
    unknown = [row for row in rows if row not in known]
    if unknown or not rows:
        raise TrainingError(f"--rows takes names from {', '.join(known)}; got {text!r}")
    return rows


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


def _write(out: Path, runs: Path) -> None:
    from phasekey.files import write_whole
    from phasekey.training.reproduction.plot import write_plot
    from phasekey.training.reproduction.report import write_report
    from phasekey.training.reproduction.results import read_results

    results, published, plot = read_results(runs), Published(), out.with_suffix(".png")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_plot(plot, results, published)
    except OSError as error:
        raise TrainingError(f"cannot write {str(plot)!r}: {error.strerror}") from error
    write_whole(out, write_report(out, results, published, plot).encode(), error=TrainingError)
