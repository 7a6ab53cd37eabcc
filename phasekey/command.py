"""Running one command module: the same code behind `phasekey NAME` and `python -m PACKAGE`."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from importlib.util import find_spec

from phasekey import __version__
from phasekey.errors import PhasekeyError

FAILED, INTERRUPTED = 2, 130
UNREAD = 141  # as the shell shows a program that SIGPIPE ended


def run_module(module: str, name: str, arguments: Sequence[str]) -> int:
    """Run a module that has add_arguments(parser) and run(args) -> exit status; returns the status.

    name: what people called it by, for the usage line. A PhasekeyError ends as one line on stderr. Where
    nobody reads on, as in `phasekey predict ... | head -1`, it ends without a word, as other tools do.
    """
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
