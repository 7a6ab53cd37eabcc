"""Sees what goes over the wire between devices and the server, and where their processes connect."""

import socket
import socketserver
import threading
from contextlib import contextmanager, suppress

import numpy as np


class _Relay(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.socket() as onward:
            try:
                onward.connect(self.server.target)
            except OSError:
                return
            back = threading.Thread(target=self.copy, args=(onward, self.request), daemon=True)
            back.start()
            self.copy(self.request, onward)
            back.join()

    def copy(self, source, sink):
        while True:
            try:
                part = source.recv(65536)
                self.server.seen.append(part)
                sink.sendall(part)
            except OSError:
                part = b""
            if not part:
                with_both_ends_shut(source, sink)
                return


def with_both_ends_shut(*sockets):
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


class Relay(socketserver.ThreadingTCPServer):
    """Passes bytes on, and keeps them. It goes on where the server behind it goes away and comes again."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port):
        super().__init__(("127.0.0.1", 0), _Relay)
        self.target, self.seen = ("127.0.0.1", port), []

    @property
    def port(self):
        return self.server_address[1]

    @property
    def content(self):
        return b"".join(self.seen)


@contextmanager
def relay(port):
    with Relay(port) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


WINDOW = 16  # bytes in a row that are no accident: of weights' bytes, 2 ** -128 of all places agree


def windows(array):
    """Pieces of an array's bytes as it may travel, each of 16 bytes that are not all alike."""
    content = np.ascontiguousarray(array).tobytes()
    pieces = (content[start : start + WINDOW] for start in range(0, len(content) - WINDOW + 1, WINDOW))
    return {piece for piece in pieces if len(set(piece)) > 4}


def images_as_they_may_travel(images):
    """uint8 (N, H, W, C), bytes or floats, in either order of axes."""
    scaled = (images.astype(np.float32) / 255).astype(np.float32)
    for array in (images, scaled, scaled.astype(np.float64), scaled.astype(np.float16)):
        yield array
        yield array.transpose(0, 3, 1, 2)


def found(content, arrays):
    """How many of the arrays' pieces are somewhere in what was seen."""
    return sum(piece in content for array in arrays for piece in windows(array))


# A sitecustomize: Python imports it in every process that is started with its folder on the path.
WHERE = """
import os, sys

def note(event, args):
    if event == "socket.connect":
        where = args[1]
    elif event == "socket.getaddrinfo":
        where = args[0]
    else:
        return
    with open(os.environ["CONNECTIONS"], "a") as file:
        file.write(f"{event} {where!r}\\n")

sys.addaudithook(note)
"""
