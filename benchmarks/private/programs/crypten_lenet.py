"""LeNet between two parties in CrypTen, weights of one, image of the other.

REPEATS ACTIVATION -> seconds of each, as JSON.
"""

import json
import sys
import time
import types
import warnings

warnings.filterwarnings("ignore")
# CrypTen's reader of ONNX files asks for a module that torch has dropped; nothing here reads such files.
sys.modules["torch.onnx.symbolic_registry"] = types.ModuleType("torch.onnx.symbolic_registry")

import crypten  # noqa: E402
import crypten.mpc as mpc  # noqa: E402
import crypten.nn as nn  # noqa: E402
import torch  # noqa: E402

repeats, activation = int(sys.argv[1]), sys.argv[2]


class Square(nn.Module):
    def forward(self, x):
        return x.square()


def lenet():
    act = Square if activation == "square" else nn.ReLU
    first = [nn.Conv2d(1, 6, 5), act(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), act(), nn.AvgPool2d(2)]
    return nn.Sequential(
        *first, nn.Flatten(), nn.Linear(400, 120), act(), nn.Linear(120, 84), act(), nn.Linear(84, 10)
    )


@mpc.run_multiprocess(world_size=2)
def infer():
    torch.set_num_threads(1)
    model = lenet()
    model.encrypt(src=1)
    model.eval()
    seconds = []
    for _ in range(repeats + 1):
        image = torch.rand(1, 1, 32, 32)
        start = time.perf_counter()
        model(crypten.cryptensor(image, src=0)).get_plain_text(dst=0)
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


if __name__ == "__main__":
    crypten.init()
    print(json.dumps(infer()[0]))
