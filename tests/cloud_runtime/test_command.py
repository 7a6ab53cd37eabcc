"""``python -m cloud_runtime`` as a process of its own."""

import os
import signal
import subprocess
import sys

import grpc
import numpy as np
import pytest

from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import unary_call
from phasekey.wire.tensors import read_tensors, write_tensors

# The command with a gate in front of the graph: a file says that a request is in, another lets it go on.
GATED = """
import pathlib, runpy, sys, time
from cloud_runtime.serving.processor import Processor
run, folder = Processor.run, pathlib.Path(sys.argv.pop(1))
Processor.warm_up = lambda self: None
def gated(self, inputs):
    (folder / "entered").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    return run(self, inputs)
Processor.run = gated
runpy.run_module("cloud_runtime", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def command():
    """Start a server process: command(*arguments) → the process. Whatever still runs is killed at the end."""
    started = []

    def launch(*arguments, program=("-m", "cloud_runtime"), cwd=None):
        process = subprocess.Popen(
            [sys.executable, *program, *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        started.append(process)
        return process

    yield launch
    for process in started:
        process.kill()
        process.communicate()


def address_of(process):
    line = process.stdout.readline()
    assert line.startswith("listening on 127.0.0.1:"), process.communicate()[1]
    assert line.endswith(", models: plain, stamped\n")
    return line.removeprefix("listening on ").partition(",")[0]


def ask(channel, x):
    request = pb.ModelInferRequest(model_name="stamped")
    write_tensors({"x": x}, request.inputs, request.raw_input_contents)
    return unary_call(channel, "ModelInfer").future(request, timeout=60)


def check(answer, expected):
    response = answer.result()
    h = read_tensors(response.outputs, response.raw_output_contents)["h"]
    np.testing.assert_allclose(h, expected, atol=1e-5)


SERVE = ("-c", "import sys; from phasekey.cli import main; sys.exit(main())", "serve")


@pytest.mark.parametrize(
    ("program", "number"), [(("-m", "cloud_runtime"), signal.SIGTERM), (SERVE, signal.SIGINT)]
)
def test_it_serves_until_told_to_stop(command, repository, convolution, x, program, number):
    process = command("--model-repository", repository, "--listen", "127.0.0.1:0", program=program)
    with grpc.insecure_channel(address_of(process)) as channel:
        check(ask(channel, x), convolution.oracle(x))
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out == ""  # one line on standard output, no more
    assert "loaded model stamped version 1" in err
    assert "Traceback" not in err


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None


def test_a_signal_lets_requests_in_flight_finish(command, repository, convolution, x, tmp_path):
    process = command(
        tmp_path, "--model-repository", repository, "--listen", "127.0.0.1:0", program=("-c", GATED)
    )
    with grpc.insecure_channel(address_of(process)) as channel:
        answer = ask(channel, x)
        wait_for(tmp_path / "entered", process)
        process.send_signal(signal.SIGTERM)
        while "stopping" not in process.stderr.readline():
            assert process.poll() is None
        assert not answer.done()
        (tmp_path / "go").touch()
        check(answer, convolution.oracle(x))
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_second_signal_does_not_wait(command, repository, x, tmp_path):
    process = command(
        tmp_path, "--model-repository", repository, "--listen", "127.0.0.1:0", program=("-c", GATED)
    )
    with grpc.insecure_channel(address_of(process)) as channel:
        answer = ask(channel, x)
        wait_for(tmp_path / "entered", process)
        process.send_signal(signal.SIGTERM)
        while "stopping" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGTERM
        assert answer.exception().code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model-repository", "gone"], "error: Model repository gone cannot be read"),
        (["--model-repository", ".", "--listen", "nowhere"], "is not HOST:PORT"),
        (["--model-repository", ".", "--workers", "0"], "workers must be 1 to 1024, not 0"),
        ([], "A model repository is needed: --model-repository DIR"),
    ],
)
def test_what_cannot_start_says_why(command, tmp_path, arguments, said):
    process = command(*arguments, cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said in err
    assert "Traceback" not in err
    assert out == ""


def test_a_port_that_is_taken_says_so(command, server, repository):
    process = command("--model-repository", repository, "--listen", server.address)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    (line,) = [
        line for line in err.splitlines() if "loaded model" not in line and "never audited" not in line
    ]
    assert line.startswith(f"error: Cannot listen on {server.address}: the port is taken")


def test_help_teaches(command):
    out, _ = (process := command("--help")).communicate(timeout=60)
    assert process.returncode == 0
    assert "python -m cloud_runtime --model-repository build/digits/cloud --listen 127.0.0.1:8001" in out
    assert "RESOURCE_EXHAUSTED" in out


def test_the_server_needs_neither_torch_nor_onnx():
    code = "import sys, cloud_runtime.command; assert not {'torch', 'onnx', 'sdk'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
