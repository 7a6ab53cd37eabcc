"""The one console command. Each subcommand is imported only when it is chosen: `predict` needs no torch."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from phasekey.command import add_version, run_module, while_read


@dataclass(frozen=True)
class Subcommand:
    """Where a subcommand lives: a module with add_arguments(parser) and run(args) -> exit status."""

    module: str
    summary: str


SUBCOMMANDS = {
    "train": Subcommand("phasekey.training.command", "train a network whose processing can be outsourced"),
    "export": Subcommand("export.command", "split a checkpoint into an edge bundle and a model repository"),
    "serve": Subcommand("cloud_runtime.command", "serve the processing module over gRPC"),
    "predict": Subcommand("sdk.commands.predict", "predict images through a server that never sees them"),
    "decoys": Subcommand("phasekey.decoys.command", "pack private images that hide a device's inputs"),
    "audit": Subcommand("phasekey.audit.command", "attack a network, and report what its transmissions leak"),
    "federate": Subcommand("phasekey.federated.commands", "improve a network on images that stay on devices"),
    "controls": Subcommand("phasekey.training.controls.command", "tell what the cloud adds to a network"),
    "sign": Subcommand("phasekey.signing.command", "vouch for a bundle, so that devices refuse any other"),
    "plan": Subcommand("phasekey.planner.command", "tell whether a split is worth it, and which"),
    "reproduce": Subcommand(
        "phasekey.training.reproduction.command", "train rows of the paper's tables, and report beside them"
    ),
}

OVERVIEW = f"""\
Private inference: the device keeps the image and a secret angle, the cloud computes on what is left.

{"".join(f"  {name:<11}{command.summary}{chr(10)}" for name, command in SUBCOMMANDS.items())}
From nothing to a private prediction:
  phasekey train --arch lenet --data digits --epochs 5 --out runs/digits
  phasekey export --ckpt runs/digits/model.pt --out build/digits
  phasekey serve --model-repository build/digits/cloud --listen 127.0.0.1:8001
  phasekey predict --bundle build/digits/edge --target 127.0.0.1:8001 IMAGE..."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `phasekey`; returns the exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments and arguments[0] in SUBCOMMANDS:
        name = arguments[0]
        return run_module(SUBCOMMANDS[name].module, f"phasekey {name}", arguments[1:])
    return while_read(lambda: _overview(arguments))


def _overview(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        "phasekey", description=OVERVIEW, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_version(parser)
    parser.add_argument("command", choices=list(SUBCOMMANDS), metavar="COMMAND", help="one of the above")
    parser.parse_args(arguments)  # prints help, the version or what is wrong, and leaves
    return 2


if __name__ == "__main__":
    sys.exit(main())
