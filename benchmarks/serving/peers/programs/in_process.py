"""ONNX Runtime with nothing around it, the base of all ratios: reads "SECONDS FILE", writes runs a second."""

import sys
import time

import numpy as np
from graph import open_graph

run = open_graph(sys.argv[1])
for line in sys.stdin:
    seconds, file = line.split()
    x = np.load(file)
    run(x)
    count, start, cpu = 0, time.perf_counter(), time.process_time()
    while (now := time.perf_counter()) < start + float(seconds) or count < 20:
        run(x)
        count += 1
    print(count / (now - start), (time.process_time() - cpu) / count, flush=True)
