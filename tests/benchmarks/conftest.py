"""The benchmarks are run from the repository and never installed, so the tests point at them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
