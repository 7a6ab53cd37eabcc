"""One of Flower's programs in a process of its own, which ends with the process that started it.

Usage: python -m phasekey.federated.flower.child PARENT-PID superlink|supernode OPTION...
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import phasekey.federated.flower  # noqa: F401 - telemetry off first

from flwr.supercore.app_utils import start_parent_process_monitor  # isort: skip


def main() -> None:
    """Run the program that the arguments name."""
    parent, program = int(sys.argv[1]), sys.argv[2]
    sys.argv = [f"flower-{program}", *sys.argv[3:]]
    start_parent_process_monitor(parent)
    if program == "superlink":
        from phasekey.federated.flower.children import SECRET_FILE
        from phasekey.federated.flower.control import OwnProcessOnly

        secret = Path(sys.argv[sys.argv.index(SECRET_FILE) + 1]).read_bytes()
        module: Any = import_module("flwr.superlink.cli.flower_superlink")
        # It has no public door: accounts are of Flower's hosted service.
        module.load_control_authn_plugin = lambda: OwnProcessOnly(secret)
        module.flower_superlink()
    else:
        from flwr.supernode.cli.flower_supernode import flower_supernode

        flower_supernode()


if __name__ == "__main__":
    main()
