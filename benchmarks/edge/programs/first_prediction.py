"""Where only the base install is: BUNDLE TARGET. Predicts one image; prints seconds, and the MB resident."""

# ruff: noqa: E402 - what is timed begins with the imports

import time

start = time.perf_counter()

import re
import sys
from pathlib import Path

import numpy as np

from sdk import EdgeClient

with EdgeClient(sys.argv[1], sys.argv[2], ephemeral=True) as client:
    image = client.manifest.image
    client.predict(np.zeros((image.height, image.width, image.channels), image.dtype))
    print(time.perf_counter() - start)
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(int(re.search(r"VmRSS:\s*(\d+) kB", status)[1]) * 1024 / 1e6)
