"""``python -m cloud_runtime``: what ``phasekey serve`` does, by the runtime's own name."""

import sys

from phasekey.command import run_module

if __name__ == "__main__":
    sys.exit(run_module("cloud_runtime.command", "python -m cloud_runtime", sys.argv[1:]))
