"""Run as a script inside a fresh network namespace: serve, run one client there, count what it did.

The kernel counts for the namespace alone, so nothing of the rest of the machine is in the figures, and a
look-up or connection to anywhere but loopback has no route. Prints one JSON object.
"""

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 0x1  # linux/sockios.h, linux/if.h
_COUNTED = {
    "Tcp": ("ActiveOpens", "PassiveOpens", "AttemptFails"),
    "Udp": ("OutDatagrams",),
    "Ip": ("OutNoRoutes",),
}
_COUNTED6 = ("Ip6OutNoRoutes", "Udp6OutDatagrams")


def raise_loopback():
    """Bring up `lo`: a new namespace has it down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _GET_FLAGS, request))[1]
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))


def counters():
    """Read the namespace's own counters."""
    with open("/proc/net/snmp") as file:
        lines = [line.split() for line in file]
    values = {}
    for names, numbers in zip(lines[::2], lines[1::2], strict=True):
        table, layer = dict(zip(names[1:], numbers[1:], strict=True)), names[0].rstrip(":")
        values |= {f"{layer}.{name}": int(table[name]) for name in _COUNTED.get(layer, ())}
    if os.path.exists("/proc/net/snmp6"):
        with open("/proc/net/snmp6") as file:
            table = dict(line.split() for line in file)
        values |= {name: int(table[name]) for name in _COUNTED6}
    return values


def main(repository, code, *arguments):
    """Serve the repository, run the client's code with the server's address, and report."""
    raise_loopback()
    command = [sys.executable, "-m", "cloud_runtime", "--model-repository", repository]
    server_environment = {**os.environ, "HOME": "/nonexistent"}
    with subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True, env=server_environment
    ) as server:
        address = server.stdout.readline().split()[2].rstrip(",")
        before = counters()
        client = subprocess.run(
            [sys.executable, "-c", code, address, *arguments], capture_output=True, text=True, timeout=120
        )
        after = counters()
        server.terminate()
    counted = {name: after[name] - before[name] for name in after}
    print(
        json.dumps({"counted": counted, "status": client.returncode, "said": client.stdout + client.stderr})
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
