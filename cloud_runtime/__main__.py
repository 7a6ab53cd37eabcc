"""``python -m cloud_runtime``."""

import argparse
import sys

from cloud_runtime.command import add_arguments, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m cloud_runtime")
    add_arguments(parser)
    sys.exit(run(parser.parse_args()))
