"""LeNet with squares on CKKS ciphertexts in TenSEAL, weights plain: REPEATS -> JSON seconds.

Its convolution takes one ciphertext: the first is 5 × 5 with stride 2 in place of a pooling, and what
follows, the second convolution with its pooling too, is a matrix.
"""

import json
import sys
import time

import numpy as np
import tenseal as ts

repeats = int(sys.argv[1])
random = np.random.default_rng(0)


def weights(*shape):
    fan_in = np.prod(shape[1:]) if len(shape) > 2 else shape[0]
    return random.standard_normal(shape) / np.sqrt(fan_in)


# Eleven levels: a convolution, four squares, four products, and what packing takes.
context = ts.context(ts.SCHEME_TYPE.CKKS, 16384, coeff_mod_bit_sizes=[40, *[31] * 11, 40], n_threads=1)
context.global_scale = 2**31
context.generate_galois_keys()
kernels = weights(6, 5, 5)
matrices = [weights(1176, 400), weights(400, 120), weights(120, 84), weights(84, 10)]
image = random.random((32, 32))


def private():
    encrypted, windows = ts.im2col_encoding(context, image.tolist(), 5, 5, 2)
    h = ts.CKKSVector.pack_vectors([encrypted.conv2d_im2col(k.tolist(), windows) for k in kernels])
    h.square_()
    for number, matrix in enumerate(matrices):
        h = h.mm(matrix.tolist())
        if number < len(matrices) - 1:
            h.square_()
    return np.array(h.decrypt())


def plain():
    starts = range(0, 28, 2)
    columns = np.array([image[i : i + 5, j : j + 5].ravel() for i in starts for j in starts])
    h = np.concatenate([columns @ kernel.ravel() for kernel in kernels]) ** 2
    for number, matrix in enumerate(matrices):
        h = h @ matrix if number == len(matrices) - 1 else (h @ matrix) ** 2
    return h


seconds = []
for _ in range(repeats):
    start = time.perf_counter()
    answer = private()
    seconds.append(time.perf_counter() - start)
if np.abs(answer - plain()).max() > 1e-2:
    sys.exit("the private answer is not that of the plain network")
print(json.dumps(seconds))
