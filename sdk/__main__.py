"""``python -m sdk``: the device's side from the command line."""

import argparse
import sys

from phasekey.command import add_version, run_module, while_read
from sdk.commands import SUBCOMMANDS

OVERVIEW = "Private prediction from a device.\n\n" + "".join(
    f"  {name:<9}{summary}\n" for name, summary in SUBCOMMANDS.items()
)


def main() -> int:
    """Run the subcommand that is named first; returns the exit status."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in SUBCOMMANDS:
        name = arguments[0]
        return run_module(f"sdk.commands.{name}", f"python -m sdk {name}", arguments[1:])
    return while_read(lambda: _overview(arguments))


def _overview(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        "python -m sdk", description=OVERVIEW, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_version(parser)
    parser.add_argument("command", choices=list(SUBCOMMANDS), help="one of the above")
    if arguments:
        parser.parse_args(arguments)  # prints help or what is wrong, and leaves
    parser.print_help(sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
