"""The Ray Serve application on real clusters of one and of two nodes: statuses; replicas and nodes that die.

Ray has an environment of its own: `make ray` makes it and runs this. Each cluster is in a network and process
namespace of its own, which takes root; where either is missing these tests are skipped.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model

from tests.small_export import write_small_export

ROOT = Path(__file__).resolve().parents[2]
VENV = os.environ.get("PHASEKEY_RAY_VENV")
pytestmark = [
    pytest.mark.skipif(not VENV, reason="PHASEKEY_RAY_VENV is not set: `make ray` makes Ray's environment"),
    pytest.mark.skipif(
        os.getuid() != 0 or not shutil.which("unshare"),
        reason="a cluster in a network namespace takes root and unshare",
    ),
]
BROKEN = """\
max_batch_size: 8
input { name: "x" data_type: TYPE_INT64 dims: [ 1 ] }
output { name: "h" data_type: TYPE_FP32 dims: [ 1 ] }
"""
INTERNALS = re.compile(r"Traceback|File \"|\.py|ray::|actor|127\.0\.0\.1|pid|/tmp", re.IGNORECASE)


@pytest.fixture
def export(tmp_path):
    """A small export, and beside it a model that fails in its run where its input is not 0."""
    write_small_export(tmp_path / "export")
    folder = tmp_path / "export/cloud/broken/1"
    folder.mkdir(parents=True)
    (folder.parent / "config.pbtxt").write_text(BROKEN)
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "x"], ["h"])],
        "broken",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["N", 1])],
        [helper.make_tensor_value_info("h", TensorProto.FLOAT, ["N", 1])],
        [numpy_helper.from_array(np.ones(1, np.float32), "table")],
    )
    opset = [helper.make_opsetid("", 17)]
    save_model(helper.make_model(graph, opset_imports=opset, ir_version=9), folder / "model.onnx")
    return tmp_path / "export"


def run(what: str, export: Path):
    """Run the program in namespaces; they end with it, so that no process of Ray's outlives the test."""
    program = [Path(VENV) / "bin/python", ROOT / "tests/examples/ray_program.py", what, export]
    command = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]
    scratch = tempfile.mkdtemp(prefix="ray-")  # short: Ray's sockets lie in it
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'examples/ray'}",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": scratch,
        "RAY_SERVE_PROXY_PREFER_LOCAL_NODE_ROUTING": "0",
    }
    done = subprocess.run(
        [*command, *map(str, program)], env=environment, capture_output=True, text=True, timeout=240
    )
    shutil.rmtree(scratch, ignore_errors=True)
    (line,) = re.findall(r"^FOUND (.*)$", done.stdout, re.MULTILINE) or pytest.fail(done.stderr[-3000:])
    return json.loads(line)


def test_one_of_two_replicas_killed_loses_nothing_and_errors_tell_no_internals(export) -> None:
    found = run("one", export)
    assert found["replicas"] == 2
    assert found["load"]["lost"] == []
    assert found["load"]["answered"] > 300
    codes = {name: code for name, (code, _) in found["errors"].items()}
    assert codes == {
        "garbage": "INVALID_ARGUMENT",
        "garbage for control": "INVALID_ARGUMENT",
        "shape": "INVALID_ARGUMENT",
        "model": "NOT_FOUND",
        "our fault": "INTERNAL",
        "no such method": "UNIMPLEMENTED",
    }
    for _, text in found["errors"].values():
        assert not INTERNALS.search(text)
    assert re.fullmatch(r"internal error [0-9a-f]+", found["errors"]["our fault"][1])


def test_one_of_two_nodes_removed_loses_nothing(export) -> None:
    found = run("two", export)
    assert (found["nodes"], found["left"]) == (2, 1)
    assert found["load"]["lost"] == []
    assert found["load"]["answered"] > 300
