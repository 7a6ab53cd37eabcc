"""`python -m benchmarks NAME`: see `python -m benchmarks --help` for the names."""

import argparse
import sys

from benchmarks import crowd, export_speed, interoperation
from benchmarks.capacity import command as capacity
from benchmarks.edge import command as edge
from benchmarks.frontier import command as frontier
from benchmarks.private import command as private
from benchmarks.serving import command as serving
from benchmarks.soak import command as soak


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Timings as ratios, with goals."
    )
    commands = parser.add_subparsers(title="what to measure", required=True)
    for name, module, what in (
        ("export", export_speed, "the exported processing graphs against the same real layers"),
        ("serving", serving, "our server beside Triton, KServe, MLServer and ONNX Runtime in process"),
        ("edge", edge, "what the SDK costs a device: time over its parts, memory, size, import, streaming"),
        ("interoperation", interoperation, "whether the client gets the same answers from four servers"),
        (
            "private",
            private,
            "one private inference beside CrypTen, SPU and TenSEAL, with guarantees",
        ),
        ("crowd", crowd, "what a crowd costs the cloud, over the plain network"),
        ("soak", soak, "minutes at saturation while servers, certificate and versions change under load"),
        ("frontier", frontier, "what a cloud adds to a narrow feature, against what it is told"),
        ("capacity", capacity, "what one core answers, and what many requests a minute take"),
    ):
        command = commands.add_parser(name, help=what, description=module.__doc__)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    result: int = options.run(options)
    return result


if __name__ == "__main__":
    sys.exit(main())
