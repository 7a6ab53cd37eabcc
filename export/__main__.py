"""`python -m export`."""

import sys

from phasekey.command import run_module

if __name__ == "__main__":
    sys.exit(run_module("export.command", "python -m export", sys.argv[1:]))
