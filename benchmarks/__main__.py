"""`python -m benchmarks export` and `python -m benchmarks serving`."""

import argparse
import sys

from benchmarks import export_speed
from benchmarks.serving import command as serving


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Timings as ratios, with goals."
    )
    commands = parser.add_subparsers(title="what to measure", required=True)
    for name, module, what in (
        ("export", export_speed, "the exported processing graphs against the same real layers"),
        ("serving", serving, "our server beside Triton, KServe, MLServer and ONNX Runtime in process"),
    ):
        command = commands.add_parser(name, help=what, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    result: int = options.run(options)
    return result


if __name__ == "__main__":
    sys.exit(main())
