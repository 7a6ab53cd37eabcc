"""Who is measured: each peer is what it needs installed, and how it is started with the graph."""

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.peers import kserve, mlserver, native, ours, triton
from benchmarks.serving.process import Launch
from benchmarks.serving.workload import Workload

PROGRAMS = Path(__file__).parent / "programs"
ONNXRUNTIME = "onnxruntime==1.32.0"


@dataclass(frozen=True)
class Peer:
    """requirements: of its environment, none for ours; launch: from its Python, a folder and the workload."""

    name: str
    requirements: tuple[str, ...]
    launch: Callable[[Path, Path, Workload], Launch]

    def python(self, environments: Path, make: Callable[[Path, tuple[str, ...]], Path]) -> Path:
        """The Python that runs it."""
        if not self.requirements:
            return Path(sys.executable)
        return make(environments / self.name, (*self.requirements, ONNXRUNTIME))

    def prepare(self, python: Path, folder: Path, workload: Workload) -> Launch:
        """Write what it is started with into an empty folder."""
        for program in PROGRAMS.glob("*.py"):
            shutil.copy(program, folder)
        return self.launch(python, folder, workload)


PEERS: Mapping[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer("ours", (), ours.launch),
        Peer("triton", ("nvidia-pytriton==0.7.0",), triton.launch),
        Peer("kserve", ("kserve==0.21.0",), kserve.launch),
        Peer("mlserver", ("mlserver==1.7.1", "uvloop<0.22"), mlserver.launch),
        Peer("pygrpc-native", ("pygrpc-native==0.5.0",), native.launch),
    )
}
