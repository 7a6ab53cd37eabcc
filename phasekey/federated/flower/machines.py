"""Server and devices on real SuperLink and SuperNodes: on machines of their own, or all on this one."""

import multiprocessing
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.synchronize import Event
from pathlib import Path

from phasekey.federated.errors import FederatedError
from phasekey.federated.flower.children import Tls, superlink, supernode
from phasekey.federated.flower.tasks import App, answer, open_run
from phasekey.federated.running import Job, improve

AGAIN_AFTER = 5.0  # seconds, from a lost connection to the next try
LOOK_AFTER = 1.0  # seconds between looks for a server that is not there yet


def serve(job: Job, host: str, port: int, tls: Tls | None, keys: Sequence[bytes] | None = None) -> Path:
    """Run a SuperLink, and a job on it.

    Args:
        job: what to do.
        host, port: on which the SuperLink listens.
        tls: its certificate, which must name 127.0.0.1 too; None for plaintext.
        keys: public keys of the devices that may take part; None lets any. They take a certificate.

    Returns:
        The path of model.pt.

    Raises:
        FederatedError: as phasekey.federated.running.improve does, or the SuperLink does not start.
        TrainingError: a checkpoint or a folder.
    """
    with superlink(host, port, job.out / "flower", tls, ask_for_keys=keys is not None) as link:
        link.wait_until_ready()
        job.say(f"devices connect to {host}:{port}")
        with open_run(link, tls, keys or ()) as (grid, context):
            return improve(grid, context, job)


def take_part(
    apps: Sequence[App],
    address: str,
    folder: Path,
    tls: Tls | None,
    say: Callable[[str], None],
    keep_on: Callable[[], bool] = lambda: True,
    *,
    key: Path | None = None,
) -> None:
    """Be devices, each with a SuperNode, until told to stop; a lost connection is made anew.

    Args:
        apps: one for each device.
        address: HOST:PORT of the SuperLink.
        folder: for logs.
        tls: whom to believe; None for plaintext.
        say: takes a line when a connection is lost.
        keep_on: asked all the time.
        key: file of the private key by which a server knows the device; None where it need not.

    Raises:
        FederatedError: a SuperNode does not start, or the server's certificate is another authority's.
    """
    _wait_for(address, tls, say, keep_on)
    nodes = [supernode(address, folder, tls, key) for _ in apps]

    def look() -> bool:
        for node in nodes:
            if not node.runs:
                what = f"{address} does not know this device's key" if node.unknown else f"lost {address}"
                say(f"{what}; trying again in {AGAIN_AFTER:g} s")
                time.sleep(AGAIN_AFTER)
                node.start()
                node.wait_until_ready()
        return keep_on()

    with ExitStack() as running:
        for node in nodes:
            running.enter_context(node)
        for node in nodes:
            node.wait_until_ready()
        answer(list(zip(nodes, apps, strict=True)), look)


def _wait_for(address: str, tls: Tls | None, say: Callable[[str], None], keep_on: Callable[[], bool]) -> None:
    """Wait until a server listens. A SuperNode would try without end, and never tell of a wrong certificate.

    Raises:
        FederatedError: its certificate is another authority's, or of another name.
    """
    host, _, port = address.rpartition(":")
    host, told = host.strip("[]"), time.monotonic() + AGAIN_AFTER
    while keep_on():
        try:
            with socket.create_connection((host, int(port)), timeout=AGAIN_AFTER) as connection:
                if tls is not None:
                    _trusting(tls).wrap_socket(connection, server_hostname=host).close()
                return
        except ssl.SSLCertVerificationError as error:
            raise FederatedError(
                f"the certificate of {address} is not trusted ({error.verify_message}): give --authority the "
                "certificate of who issued it, and the name that it is for"
            ) from error
        except OSError:  # not there yet, or it went away in the middle
            if time.monotonic() > told:
                say(f"nobody at {address} yet; going on to look")
                told = float("inf")
            time.sleep(LOOK_AFTER)


def _trusting(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # as Flower's own
    context.load_verify_locations(tls.authority)
    return context


class OtherProcess:
    """Runs devices in a process of its own until the block is left: messages carry who a process is.

    Args:
        run: a function at the top of a module, called with `arguments` and then with a keep_on.
        arguments: for it.
    """

    def __init__(self, run: Callable[..., None], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._stop = context.Event()
        self._process = context.Process(target=_run, args=(run, arguments, self._stop))

    def __enter__(self) -> "OtherProcess":
        """Start it."""
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, and wait."""
        self._stop.set()
        self._process.join(30)
        if self._process.is_alive():
            self._process.kill()
            raise FederatedError("the simulated devices did not stop when told to")


def _run(run: Callable[..., None], arguments: tuple[object, ...], stop: Event) -> None:
    parent = multiprocessing.parent_process()
    run(*arguments, lambda: not stop.is_set() and parent is not None and parent.is_alive())
