"""`phasekey federate`: devices improve a network together, and their images stay with them."""

import argparse
from importlib import import_module

from phasekey.command import require_extra
from phasekey.machine import let_threads_sleep
from phasekey.training.command import NEEDED

DESCRIPTION = """\
Improve a split network on images that stay on the devices that hold them. Flower runs the rounds.

Weights of the processing module and the decoder travel; the encoder stays as it is, so devices go on sending
the very x that they sent before. Updates travel as secure sums (Flower's SecAgg+): the server sees their sum
alone. --aggregate plain shows it each device's update, from which images can be drawn."""
EPILOG = """\
examples:
  phasekey federate simulate --clients 8 --split dirichlet:0.5 --data digits --rounds 5
      server and eight devices on this machine, as processes that talk over sockets
  phasekey federate server --ckpt model.pt --rounds 5 --out runs/fed
  phasekey federate device --data FOLDER --superlink HOST:PORT
      the same on machines of their own; phasekey federate server --help has certificates

next: phasekey audit --ckpt runs/fed/model.pt, then phasekey export --require-audit"""
COMMANDS = {
    "server": "a server: waits for devices, runs rounds, writes model.pt after each",
    "device": "a device: trains on the images in a folder whenever a server asks",
    "release": "audit, export and sign a checkpoint, in one command that goes on where it was killed",
    "simulate": "server and devices on this machine",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(dest="what", required=True, metavar="|".join(COMMANDS))
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        import_module(f"{__name__}.{name}").add_arguments(command)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        0, the exit status.

    Raises:
        PhasekeyError: with a message for the user.
    """
    module = import_module(f"{__name__}.{args.what}")
    module.check(args)  # before what is slow or missing
    require_extra("federated", "training across devices", (*NEEDED, "onnxscript", "flwr"))
    let_threads_sleep()
    module.run(args)
    return 0
