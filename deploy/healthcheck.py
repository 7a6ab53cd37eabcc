"""Exit with status 0 if the server at HOST:PORT is ready: `python healthcheck.py 127.0.0.1:8001`."""

import sys

import grpc

from phasekey.wire import open_inference_pb2 as pb
from phasekey.wire.service import unary_call

TIMEOUT = 3.0  # seconds


def main(target: str) -> int:
    """Ask ServerReady; 0 if the answer is yes, 1 if it is no or there is none."""
    with grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as channel:
        try:
            reply = unary_call(channel, "ServerReady")(pb.ServerReadyRequest(), timeout=TIMEOUT)
        except grpc.RpcError as error:
            sys.stderr.write(f"not ready: {error.code().name}\n")
            return 1
    return 0 if reply.ready else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
