"""pygrpc-native's low level: GRAPH PORT. No TLS, no checks, no metrics; a bound to what Python can reach."""

import sys
import threading

import numpy as np
from graph import open_graph
from pygrpc_native import EVENT_CALL, NativeGrpcFront

SERVICE = "/inference.GRPCInferenceService"
METHODS = [(f"{SERVICE}/ModelInfer", False), (f"{SERVICE}/ModelReady", False)]
X = (32, 32, 32)
SAMPLE_BYTES = 2 * 32 * 32 * 32

run = open_graph(sys.argv[1])
front = NativeGrpcFront(f"127.0.0.1:{sys.argv[2]}", METHODS)
front.start()


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def answer(payload):
    """The request's values are its last field, whole samples; what comes before is shorter than one."""
    samples = len(payload) // SAMPLE_BYTES
    x = np.frombuffer(payload[-samples * SAMPLE_BYTES :], np.float16)
    h = run(x.reshape(samples, *X))
    shape = b"".join(varint(size) for size in h.shape)
    output = field(1, b"h") + field(2, b"FP16") + field(3, shape)
    return field(1, b"resnet20") + field(5, output) + field(6, h.tobytes())


def serve():
    while (events := front.recv_batch(64)) is not None:
        for kind, call_id, method_id, payload, _ in events:
            if kind == EVENT_CALL:
                front.respond(call_id, answer(payload) if method_id == 0 else b"\x08\x01")


for _ in range(2):
    threading.Thread(target=serve, daemon=True).start()
threading.Event().wait()
