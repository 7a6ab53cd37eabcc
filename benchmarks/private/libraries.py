"""Whom we are measured beside: what each installs, runs and promises."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import UnavailableError

PROGRAMS = Path(__file__).parent / "programs"
SECONDS = 600  # that one program may take
ONE_THREAD = {"OMP_NUM_THREADS": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}


@dataclass(frozen=True)
class Library:
    """A way to run LeNet in private.

    Attributes:
        title: in the table, with its network.
        environment: the folder of its packages; two rows may share one.
        requirements, alone: of the environment, and what is installed without its dependencies.
        program, arguments: what is run with the number of repeats first.
        guarantee: what it promises, and whom one must trust.
        goal: least ratio of its time to ours.
        repeats: inferences in a round, after the first.
        rounds: at most so many; of what takes minutes, one.
    """

    title: str
    environment: str
    requirements: tuple[str, ...]
    program: str
    arguments: tuple[str, ...]
    guarantee: str
    goal: float | None = None
    alone: tuple[str, ...] = ()
    repeats: int = 5
    rounds: int = 100

    def seconds(self, python: Path) -> list[float]:
        """Time one round of inferences.

        Args:
            python: of its environment.

        Returns:
            Seconds of each inference.

        Raises:
            UnavailableError: it fails here; the text is its last line.
        """
        command: Sequence[str | Path] = [python, PROGRAMS / self.program, str(self.repeats), *self.arguments]
        try:
            done = subprocess.run(
                command,
                env={**os.environ, **ONE_THREAD},
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"no answer in {SECONDS} s") from None
        if done.returncode:
            raise UnavailableError((done.stderr.strip().splitlines() or ["it ended without a word"])[-1])
        seconds: list[float] = json.loads(done.stdout.strip().splitlines()[-1])
        return seconds


_TWO_SERVERS = "secret sharing: image and weights stay secret as long as the two parties don't collude"
_SEMI_HONEST = " and follow the protocol; a third deals randomness"
_CRYPTEN = ("torch==2.13.0", "numpy", "omegaconf", "onnx", "pyyaml")

LIBRARIES: Mapping[str, Library] = {
    "crypten-square": Library(
        "CrypTen 0.4.1, LeNet with squares",
        "crypten", _CRYPTEN, "crypten_lenet.py", ("square",), _TWO_SERVERS + _SEMI_HONEST, 50,
        ("crypten==0.4.1",),
    ),
    "crypten-relu": Library(
        "CrypTen 0.4.1, LeNet with ReLU",
        "crypten", _CRYPTEN, "crypten_lenet.py", ("relu",), _TWO_SERVERS + _SEMI_HONEST, None,
        ("crypten==0.4.1",),
    ),
    "spu-semi2k": Library(
        "SPU 0.9.5, Semi2k, LeNet with ReLU",
        "spu", ("spu==0.9.5",), "spu_lenet.py", ("SEMI2K", "2"), _TWO_SERVERS + _SEMI_HONEST, None,
    ),
    "spu-aby3": Library(
        "SPU 0.9.5, ABY3, LeNet with ReLU",
        "spu", ("spu==0.9.5",), "spu_lenet.py", ("ABY3", "3"),
        "secret sharing among three: image and weights stay secret as long as no two of them collude", None,
    ),
    "spu-cheetah": Library(
        "SPU 0.9.5, Cheetah, LeNet with ReLU",
        "spu", ("spu==0.9.5",), "spu_lenet.py", ("CHEETAH", "2"),
        "homomorphic encryption and oblivious transfer between two that follow the protocol", 400, repeats=2,
    ),
    "tenseal": Library(
        "TenSEAL 0.3.18, CKKS, LeNet with squares",
        "tenseal", ("tenseal==0.3.18", "numpy"), "tenseal_lenet.py", (),
        "homomorphic encryption: the cloud learns nothing about the image (lattices, 128 bits)", 4000,
        repeats=1, rounds=1,
    ),
}  # fmt: skip
