"""Server and devices as people start them, and what they have."""

import signal
import subprocess
import sys
import time

import numpy as np
from PIL import Image


def write_images(folder, split, classes):
    for number, (pixels, label) in enumerate(zip(split.images, split.labels, strict=True)):
        path = folder / classes[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[..., 0]).save(path)


def halves(split):
    for part in (slice(0, None, 2), slice(1, None, 2)):
        rows = np.argsort(split.labels, kind="stable")[part]
        yield type(split)(split.images[rows], split.labels[rows])


class Running:
    """A command of ours, with its words in a file."""

    def __init__(self, arguments, env, log):
        self.log = log
        with log.open("ab") as file:
            command = [sys.executable, "-m", "phasekey.cli", "federate", *map(str, arguments)]
            self.process = subprocess.Popen(command, env=env, stdout=file, stderr=file, cwd=log.parent)

    def wait_for(self, words, seconds=400):
        until = time.monotonic() + seconds
        while words not in self.log.read_text():
            assert self.process.poll() is None or words in self.log.read_text(), self.log.read_text()
            assert time.monotonic() < until, self.log.read_text()
            time.sleep(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def free_port():
    from phasekey.federated.flower.children import free_port

    return free_port()
