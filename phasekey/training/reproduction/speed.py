"""How long a network takes for an image, as the paper's Table 5 has it."""

import time

import torch

from phasekey.model import SplitNetwork

BATCH = 100  # images: section 5.3, for CIFAR-100
ROUNDS = 7


@torch.no_grad()
def seconds_per_image(network: SplitNetwork) -> float:
    """Encoder, processing module and decoder together, in this process: the best of a few batches.

    On the GPU where there is one. The images are noise: no layer's time depends on them.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = network.to(device).eval()
    times = []
    with torch.random.fork_rng():
        images = torch.rand(BATCH, *network.image, device=device)
        for _ in range(ROUNDS):
            started = time.perf_counter()
            network(images).sum().item()  # waits for the device
            times.append(time.perf_counter() - started)
    return min(times) / BATCH
