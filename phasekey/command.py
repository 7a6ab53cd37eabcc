"""Running one command module: the same code behind `phasekey NAME` and `python -m PACKAGE`."""

import argparse
from collections.abc import Sequence
from importlib import import_module


def run_module(module: str, name: str, arguments: Sequence[str]) -> int:
    """Run a module that has add_arguments(parser) and run(args) -> exit status; returns the status.

    name: what people called it by, for the usage line.
    """
    command = import_module(module)
    parser = argparse.ArgumentParser(name)
    command.add_arguments(parser)
    status: int = command.run(parser.parse_args(arguments))
    return status
