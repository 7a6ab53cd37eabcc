"""Train, export, serve and predict in both modes that promise something; tables, a picture and a page.

Usage: python -m phasekey.demo [--epochs 10] [--work build/demo]
"""

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from phasekey.command import run_module

if TYPE_CHECKING:
    from phasekey.demo.measure import Mode

LEAST_AGREEMENT = 0.995  # share of predictions; below it the demo fails


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the demo's options."""
    parser.description = (
        "Train two private networks on handwritten digits, one for each promise, export and serve them, "
        "predict through the wire, measure, and show what the cloud receives."
    )
    parser.add_argument("--epochs", type=int, default=10, help="passes over the training images (default 10)")
    parser.add_argument("--work", type=Path, default=Path("build/demo"), help="where everything is written")


def run(args: argparse.Namespace) -> int:
    """Run the demo; 1 where the wire and PyTorch disagree on more than 0.5% of the predictions."""
    folders = {mode: args.work / mode for mode in ("bounded", "anonymous")}
    for mode, folder in folders.items():
        _train_and_export(mode, folder, args.epochs)
    _pack(args.work, folders["anonymous"])
    modes = _measure_and_show(args.work, folders)
    worst = min(modes, key=lambda name: modes[name].agreement)
    if modes[worst].agreement < LEAST_AGREEMENT:
        print(  # noqa: T201
            f"error: in the mode {worst}, PyTorch and the wire agree on {modes[worst].agreement:.2%} of the "
            f"predictions, expected at least {LEAST_AGREEMENT:.1%}",
            file=sys.stderr,
        )
        return 1
    return 0


def _train_and_export(mode: str, folder: Path, epochs: int) -> None:
    run_folder = str(folder / "run")
    train = ("--mode", mode, "--data", "digits", "--epochs", str(epochs), "--out", run_folder)
    _step("phasekey.training.command", "phasekey train", *train)
    checkpoint, bundle = str(folder / "run" / "model.pt"), str(folder / "bundle")
    _step("export.command", "phasekey export", "--ckpt", checkpoint, "--out", bundle)


def _pack(work: Path, folder: Path) -> None:
    """An archive of digits that neither training nor an attacker saw: held out, and not among the inputs."""
    from PIL import Image

    from phasekey.demo.measure import INPUTS, held_out

    images, archive = work / "decoys", work / "decoys.db"
    images.mkdir(parents=True, exist_ok=True)
    archive.unlink(missing_ok=True)  # its decoys hid the digits of an earlier demo
    for number, image in enumerate(held_out()[0][INPUTS:]):
        Image.fromarray(image.squeeze()).save(images / f"{number:03}.png")
    pack = ("pack", "--images", str(images), "--bundle", str(folder / "bundle"), "--out", str(archive))
    _step("phasekey.decoys.command", "phasekey decoys", *pack)


def _measure_and_show(work: Path, folders: dict[str, Path]) -> "dict[str, Mode]":
    from phasekey.bundle import load_manifest
    from phasekey.demo import measure, show
    from phasekey.served import running_server
    from phasekey.training.checkpoint import load_checkpoint

    checkpoint = {mode: folder / "run" / "model.pt" for mode, folder in folders.items()}
    bundle = {mode: folder / "bundle" for mode, folder in folders.items()}
    with running_server(bundle["bounded"] / "cloud") as address:
        print(f"\ncloud runtime at {address}; sending the held-out images", flush=True)  # noqa: T201
        bounded, seen, secrets = measure.measure_bounded(checkpoint["bounded"], bundle["bounded"], address)
    with running_server(bundle["anonymous"] / "cloud") as address:
        anonymous, among, positions = measure.measure_anonymous(
            checkpoint["anonymous"], bundle["anonymous"], address, work / "decoys.db", os.urandom(32)
        )
    modes = {"bounded": bounded, "anonymous": anonymous}
    network, plain = (load_checkpoint(checkpoint[mode]).network for mode in modes)
    nats = load_manifest(bundle["bounded"] / "edge").nats_per_transmission or 0.0
    candidates = show.candidates_of(plain, among)
    picture = show.write_picture(work / "demo.png", seen, candidates, positions, network, secrets, nats)
    page = show.write_page(
        work / "demo.html", modes, seen, among, candidates, positions, network, nats
    )  # fmt: skip
    for name, mode in modes.items():
        print(f"\n{_table(name, mode)}")  # noqa: T201
    print(f"\npicture: {picture}\npage, for a browser: {page}")  # noqa: T201
    return modes


def _table(name: str, mode: "Mode") -> str:
    rows = mode.rows()
    width = max(len(what) for what, _ in rows)
    return "\n".join([f"{name}:", *(f"  {what:<{width}}  {value}" for what, value in rows)])


def _step(module: str, name: str, *arguments: str) -> None:
    print(f"\n$ {name} {' '.join(arguments)}", flush=True)  # noqa: T201
    status = run_module(module, name, arguments)
    if status:
        sys.exit(status)


if __name__ == "__main__":
    # So that the server's process is ended on SIGTERM too, as it is on Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(run_module("phasekey.demo.__main__", "python -m phasekey.demo", sys.argv[1:]))
