"""Where only the base install is: BUNDLE TARGET. Predicts one image, prints the MB then resident."""

import re
import sys
from pathlib import Path

import numpy as np

from sdk import EdgeClient

with EdgeClient(sys.argv[1], sys.argv[2], ephemeral=True) as client:
    image = client.manifest.image
    client.predict(np.zeros((image.height, image.width, image.channels), image.dtype))
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    print(int(re.search(r"VmRSS:\s*(\d+) kB", status)[1]) * 1024 / 1e6)
