"""Running one command module: the same code behind `phasekey NAME` and `python -m PACKAGE`."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import phasekey
from phasekey import __version__
from phasekey.errors import PhasekeyError

FAILED, INTERRUPTED = 2, 130
UNREAD = 141  # as the shell shows a program that SIGPIPE ended


class _OwnPackages:
    """Finds our top-level packages where phasekey itself lies, whatever else has their names.

    sys.path may begin with the current folder (PYTHONPATH=., accelerate launch -m), and a user's sdk.py or
    export.py there would be imported in place of ours.
    """

    NAMES = frozenset({"cloud_runtime", "edge_runtime", "export", "sdk"})
    FOLDER = str(Path(phasekey.__file__).parents[1])

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for our names alone; None lets Python look on."""
        ours = path is None and name in cls.NAMES  # path: of the package around, for modules within one
        return PathFinder.find_spec(name, [cls.FOLDER], target) if ours else None


def run_module(module: str, name: str, arguments: Sequence[str]) -> int:
    """Run a module that has add_arguments(parser) and run(args) -> exit status; returns the status.

    name: what people called it by, for the usage line. A PhasekeyError ends as one line on stderr. Where
    nobody reads on, as in `phasekey predict ... | head -1`, it ends without a word, as other tools do.
    """
    if _OwnPackages not in sys.meta_path:
        sys.meta_path.insert(0, _OwnPackages)
    return while_read(lambda: _run(module, name, arguments))


def while_read(call: Callable[[], int]) -> int:
    """The exit status of a call that writes to standard output, or UNREAD where nobody reads that now."""
    try:
        try:
            return call()
        finally:
            sys.stdout.flush()  # also of --help, which leaves by SystemExit
    except BrokenPipeError:
        # What is left in the buffer is tried once more as Python ends, and would be complained of.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD


def _run(module: str, name: str, arguments: Sequence[str]) -> int:
    command = import_module(module)
    parser = argparse.ArgumentParser(name)
    add_version(parser)
    try:
        command.add_arguments(parser)
    except PhasekeyError as error:  # an extra is missing; the version can be told all the same
        parser.parse_known_args([argument for argument in arguments if argument == "--version"])
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    args = parser.parse_args(arguments)
    try:
        status: int = command.run(args)
    except PhasekeyError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def add_version(parser: argparse.ArgumentParser) -> None:
    """Let a parser answer --version with the package's version, and leave."""
    parser.add_argument("--version", action="version", version=f"phasekey {__version__}")


def require_extra(extra: str, purpose: str, packages: Iterable[str]) -> None:
    """Raise PhasekeyError unless all packages of an extra are there: the edge install leaves them out."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise PhasekeyError(
            f"{purpose} needs packages that are not installed ({', '.join(missing)}): "
            f"pip install 'phasekey[{extra}]'"
        )
