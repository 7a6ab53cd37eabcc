"""What importing the client brings along, and what comes only with what needs it."""

import json
import subprocess
import sys

import pytest

import sdk

LATER = (
    "grpc",
    "google.protobuf",
    "asyncio",
    "onnxruntime",
    "platformdirs",
    "PIL",
    "fastjsonschema",
    "argparse",
)
IMPORTED = f"import json, sys; print(json.dumps([name for name in {LATER} if name in sys.modules]))"


def imported_by(code: str) -> list[str]:
    """Of LATER, what a new process has after this code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{IMPORTED}"], capture_output=True, text=True, timeout=60, check=True
    )
    found: list[str] = json.loads(done.stdout)
    return found


def test_importing_the_client_imports_no_library_that_it_may_not_need():
    assert imported_by("from sdk import EdgeClient, Device") == []


def test_a_transport_of_one_s_own_needs_no_grpc(small_export):
    predict = f"""
import warnings; warnings.simplefilter("ignore")
import numpy as np
from pathlib import Path
from sdk import EdgeClient
from phasekey.graph_runtime import GraphSession
class Memory:
    bytes_up = bytes_down = 0
    graph = GraphSession(next(Path({str(small_export.cloud)!r}).glob("*/1/model.onnx")))
    def check(self, manifest): pass
    def infer(self, x): return self.graph.run({{"x": x}})["h"]
    def close(self): pass
with EdgeClient({str(small_export.edge)!r}, transport=Memory(), ephemeral=True) as client:
    assert client.predict(np.zeros((6, 6, 1), np.uint8)).labels
"""
    assert imported_by(predict) == ["onnxruntime"]


@pytest.mark.parametrize("name", ["AsyncEdgeClient", "AsyncGrpcTransport", "GrpcTransport"])
def test_what_comes_later_is_there_by_its_name(name):
    assert name in sdk.__all__
    assert getattr(sdk, name).__name__ == name


def test_a_name_that_there_is_not_is_said_to_be_none():
    with pytest.raises(AttributeError, match="no attribute 'EdgeServer'"):
        _ = sdk.EdgeServer
