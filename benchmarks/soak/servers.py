"""Two servers as processes behind one list of targets, with TLS, as an operator runs and changes them."""

import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import psutil
import trustme

from benchmarks.serving.process import free_port
from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire import triton_extensions_pb2 as triton
from phasekey.wire.service import unary_call

START, STOP = 60.0, 60.0  # seconds; it takes one or two
DRAIN_DELAY = 0.5
ROOT = Path(__file__).resolve().parents[2]


class Authority:
    """A certificate authority, and the servers' certificate in files that servers watch."""

    def __init__(self, folder: Path) -> None:
        self._authority, self._folder = trustme.CA(), folder
        self.roots, self.certificate, self.key = (
            folder / name for name in ("ca.pem", "server.pem", "server.key")
        )
        self._authority.cert_pem.write_to_path(self.roots)
        self.renew()

    def renew(self) -> None:
        """Put another certificate in the place of the last, as an operator does: whole files, moved."""
        leaf = self._authority.issue_cert("localhost", "127.0.0.1")
        for path, blobs in ((self.key, [leaf.private_key_pem]), (self.certificate, leaf.cert_chain_pems)):
            beside = path.with_suffix(".new")
            beside.write_bytes(b"".join(blob.bytes() for blob in blobs))
            os.replace(beside, path)


class Replica:
    """One server on ports that it keeps over restarts."""

    def __init__(self, repository: Path, model: str, authority: Authority, log: Path) -> None:
        self._model, self._authority, self._log = model, authority, log
        self.target, self._http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self._command = [sys.executable, "-m", "cloud_runtime", "--model-repository", str(repository)]
        self._command += ["--listen", self.target, "--http", self._http]
        self._command += ["--tls-certificate", str(authority.certificate), "--tls-key", str(authority.key)]
        self._command += ["--model-control", "explicit", "--load-model", model]
        self._command += ["--drain-delay", str(DRAIN_DELAY)]
        self.start()

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=environment, stdout=log, stderr=log)
        end = time.monotonic() + START
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"a server did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def restart(self) -> int:
        """SIGTERM, wait for the drain, start anew; gives the status that it ended with."""
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(STOP)
        self.start()
        return status

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()

    def memory(self) -> float:
        """MB resident."""
        return float(psutil.Process(self._process.pid).memory_info().rss) / 1e6

    def load(self) -> tuple[str, ...]:
        """Load the model anew, as an operator on this machine; gives the versions served then."""
        roots = grpc.ssl_channel_credentials(self._authority.roots.read_bytes())
        with grpc.secure_channel(self.target, roots) as channel:
            loading = triton.RepositoryModelLoadRequest(model_name=self._model)
            unary_call(channel, "RepositoryModelLoad")(loading, timeout=START)
            metadata = unary_call(channel, "ModelMetadata")(
                pb.ModelMetadataRequest(name=self._model), timeout=START
            )
        return tuple(metadata.versions)

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(self._http, timeout=5)
        try:
            connection.request("GET", "/v2/health/ready")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


class Versions:
    """The numbered folders of a model."""

    def __init__(self, model: Path) -> None:
        self._model = model

    def add(self) -> None:
        """Put version 2 beside version 1: the same graph, so that the answers stay the right ones."""
        shutil.copytree(self._model / "1", self._model / "2")

    def remove(self) -> None:
        """Take version 2 away."""
        shutil.rmtree(self._model / "2")
