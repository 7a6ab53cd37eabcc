"""`python -m benchmarks export`."""

import argparse
import sys

from benchmarks import export_speed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Timings as ratios, with goals."
    )
    commands = parser.add_subparsers(title="what to measure", required=True)
    command = commands.add_parser(
        "export", help="the exported processing graphs against the same real layers"
    )
    export_speed.add_arguments(command)
    command.set_defaults(run=export_speed.run)
    options = parser.parse_args(arguments)
    result: int = options.run(options)
    return result


if __name__ == "__main__":
    sys.exit(main())
