"""The command, as people run it: its exit status and what it says."""

import subprocess
import sys

import pytest

from export import verify
from phasekey.command import run_module

from .proof import graph_builder as b
from .proof.graph_builder import OUTPUTS, Graph, network, save


def ask(capsys, path, *options) -> tuple[int, str]:
    status = run_module("export.verify", "verify", [str(path), *options])
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def test_proved(capsys, tmp_path) -> None:
    status, said = ask(capsys, save(network(), tmp_path), "--measure")
    assert status == 0
    assert "PROVED (exact)" in said
    assert "for every θ" in said
    assert "measured at 8 angles: h off by" in said


def test_not_proved_names_node_tensor_and_rule(capsys, tmp_path) -> None:
    status, said = ask(capsys, save(network(delta=lambda g, f: g.node("Relu", f)), tmp_path))
    assert status == 1
    assert [line.split()[0] for line in said.splitlines()[1:]] == ["node", "tensor", "rule"]
    assert "Relu_3 (Relu)" in said


@pytest.mark.parametrize("content", [None, "no graph"])
def test_not_readable(capsys, tmp_path, content) -> None:
    path = tmp_path / "graph.onnx"
    if content:
        path.write_text(content)
    status, said = ask(capsys, path)
    assert status == 2
    assert str(path) in said


def test_verbose_shows_every_type(capsys, tmp_path) -> None:
    _, said = ask(capsys, save(network(), tmp_path), "--verbose")
    table, _, verdict = said.partition("\n\n")
    assert table.splitlines()[0].split() == ["TENSOR", "SHAPE", "NODE", "TYPE"]
    assert any("Conv" in line and "(2N, 4, 6, 6)" in line and "pair" in line for line in table.splitlines())
    assert "PROVED" in verdict


def test_names_and_layouts(capsys, tmp_path) -> None:
    g = Graph(("N", OUTPUTS, 2))
    size = g.node("ReduceL2", "x", g.const([2]), keepdims=1)
    path = save(g.model(g.node("Mul", "x", size), size, rank=3), tmp_path)
    assert ask(capsys, path)[0] == 1
    assert ask(capsys, path, "--axis", "-1", "--interleaved")[0] == 1
    assert ask(capsys, path, "--axis", "-1", "--output", "h", "--input", "x")[0] == 0
    assert ask(capsys, path, "--input", "y")[0] == 2


def test_it_runs_as_a_module_and_without_torch(tmp_path) -> None:
    path = save(network(convolution=b.convolution), tmp_path)
    script = (
        "import sys; sys.modules['torch'] = None; sys.argv = ['verify', sys.argv[1]];"
        "import runpy; runpy.run_module('export.verify', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "PROVED" in done.stdout


def test_the_module_has_the_interface_of_a_command() -> None:
    assert callable(verify.add_arguments)
    assert callable(verify.run)
