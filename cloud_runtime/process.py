"""The server as a process: the allocator, signals, the line that says it is up, the exit status."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from cloud_runtime.config import ServerConfig
from cloud_runtime.observability.logs import set_up_logs
from cloud_runtime.server import start

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# glibc's malloc.h. By default it maps each large message anew and hands it back at once; batches of 8 gained
# 1.15 to 1.25 times from keeping them.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
# Bytes; of the second, mallopt takes 32 MiB at most. Two arenas: each keeps what it once had, and threads
# without end would each fill one (a flood of batches of 64: 355 MB with the default, 280 MB with two).
_KEEP = {_M_TRIM_THRESHOLD: 1 << 28, _M_MMAP_THRESHOLD: 1 << 25, _M_ARENA_MAX: 2}

# Seconds after which a thread that holds the interpreter lock gives it to one that waits: a run hands its
# reply over only with the lock. At 16 in flight p99 over p50 was 3.5 with Python's 5 ms, 2.1 with this.
_SWITCH_INTERVAL = 1e-4

_logger = logging.getLogger(__name__)


def serve(config: ServerConfig) -> NoReturn:
    """Serve until SIGTERM or SIGINT, finish the requests taken on, and end the process with status 0.

    Writes one line to standard output once requests are taken:
    ``listening on 127.0.0.1:8001, models: NAME, NAME``.

    Raises:
        CloudRuntimeError: as for start().
    """
    set_up_logs(config)
    _keep_memory()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    # Blocked before the first thread starts, so that they wait for sigwait() and interrupt nothing.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    running = start(config)
    gc.collect()
    gc.freeze()  # what was made by now stays; looking through it again would cost milliseconds
    with suppress(OSError):  # nobody has to read it
        sys.stdout.write(f"listening on {running.address}, models: {', '.join(running.models)}\n")
        sys.stdout.flush()
    if running.http_address:
        _logger.info("health and metrics on http://%s", running.http_address)
    signal.sigwait(_STOP_SIGNALS)
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)  # who asks a second time does not want to wait
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
    _logger.info(
        "stopping: not ready for %g s, then finishing the requests taken on (%g s at most)",
        config.drain_delay,
        config.drain_timeout,
    )
    running.drain()
    running.leave()
    logging.shutdown()
    os._exit(0)


def _keep_memory() -> None:
    """Have glibc keep freed memory for the next message; other C libraries have no such switch."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for parameter, value in _KEEP.items():
        if not mallopt(parameter, value):
            _logger.debug("mallopt refused %d", parameter)
