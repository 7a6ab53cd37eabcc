"""Train, export, serve, predict; print one table and draw one picture.

Usage: python -m phasekey.demo [--epochs 8] [--work build/demo]
"""

import argparse
import signal
import sys
from pathlib import Path

from phasekey.command import run_module

LEAST_AGREEMENT = 0.995  # share of predictions; below it the demo fails


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the demo's options."""
    parser.description = (
        "Train a private network on handwritten digits, export it, serve it, predict, measure."
    )
    parser.add_argument("--epochs", type=int, default=8, help="passes over the training images (default 8)")
    parser.add_argument("--work", type=Path, default=Path("build/demo"), help="where everything is written")


def run(args: argparse.Namespace) -> int:
    """Run the demo; 1 where the wire and PyTorch disagree on more than 0.5% of the predictions."""
    run_folder, bundle = args.work / "run", args.work / "bundle"
    train = ("--arch", "lenet", "--data", "digits", "--epochs", str(args.epochs), "--out", str(run_folder))
    checkpoint = run_folder / "model.pt"
    _step("phasekey.training.command", "phasekey train", *train)
    _step("export.command", "phasekey export", "--ckpt", str(checkpoint), "--out", str(bundle))

    from phasekey.demo.measure import measure
    from phasekey.demo.picture import draw
    from phasekey.demo.server import running_server

    with running_server(bundle / "cloud") as address:
        print(f"cloud runtime at {address}; sending the held-out images", flush=True)  # noqa: T201
        results = measure(checkpoint, bundle / "edge", address)
    picture = draw(results, args.work / "demo.png")
    print(f"\n{results.table()}\n\npicture: {picture}")  # noqa: T201
    if results.agreement < LEAST_AGREEMENT:
        print(  # noqa: T201
            f"error: PyTorch and the wire agree on {results.agreement:.2%} of the predictions, "
            f"expected at least {LEAST_AGREEMENT:.1%}",
            file=sys.stderr,
        )
        return 1
    return 0


def _step(module: str, name: str, *arguments: str) -> None:
    print(f"\n$ {name} {' '.join(arguments)}", flush=True)  # noqa: T201
    status = run_module(module, name, arguments)
    if status:
        sys.exit(status)


if __name__ == "__main__":
    # So that the server's process is ended on SIGTERM too, as it is on Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(run_module("phasekey.demo.__main__", "python -m phasekey.demo", sys.argv[1:]))
