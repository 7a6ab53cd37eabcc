"""LeNet with ReLU in SPU's simulation of its parties: REPEATS PROTOCOL PARTIES -> JSON seconds."""

import json
import sys
import time

import jax
import numpy as np
import spu
import spu.utils.simulation as simulation
from jax import lax

repeats, protocol, parties = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
random = np.random.default_rng(0)


def weights(*shape):
    return (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def convolve(x, kernel):
    return lax.conv_general_dilated(x, kernel, (1, 1), "VALID")


def pool(x):
    return lax.reduce_window(x, 0.0, lax.add, (1, 1, 2, 2), (1, 1, 2, 2), "VALID") / 4


def lenet(x, w):
    x = pool(jax.nn.relu(convolve(x, w[0])))
    x = pool(jax.nn.relu(convolve(x, w[1]))).reshape(x.shape[0], -1)
    return jax.nn.relu(jax.nn.relu(x @ w[2].T) @ w[3].T) @ w[4].T


layers = [weights(6, 1, 5, 5), weights(16, 6, 5, 5), weights(120, 400), weights(84, 120), weights(10, 84)]
simulator = simulation.Simulator.simple(parties, getattr(spu.ProtocolKind, protocol), spu.FieldType.FM64)
private = simulation.sim_jax(simulator, lenet)
image = random.random((1, 1, 32, 32)).astype(np.float32)
seconds = []
for _ in range(repeats + 1):
    start = time.perf_counter()
    answer = private(image, layers)
    seconds.append(time.perf_counter() - start)
if abs(answer - lenet(image, layers)).max() > 1e-2:
    sys.exit("the private answer is not that of the plain network")
print(json.dumps(seconds[1:]))
