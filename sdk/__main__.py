"""``python -m sdk``: what ``phasekey predict`` does, by the SDK's own name."""

import argparse
import sys

from phasekey.command import add_version, run_module


def main() -> int:
    """Run the one subcommand there is; returns the exit status."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["predict"]:
        return run_module("sdk.command", "python -m sdk predict", arguments[1:])
    parser = argparse.ArgumentParser("python -m sdk", description="Private prediction from a device.")
    add_version(parser)
    parser.add_argument("command", choices=["predict"], help="predict: the class of image files")
    parser.parse_args(arguments)  # prints help or what is wrong, and leaves
    return 2


if __name__ == "__main__":
    sys.exit(main())
