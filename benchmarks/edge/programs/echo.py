"""A stock gRPC server that gives every request the same reply: BYTES of it. Prints its address."""

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc

PATH = "/inference.GRPCInferenceService/ModelInfer"
OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class Echo(grpc.GenericRpcHandler):
    def __init__(self, reply):
        self._handler = grpc.unary_unary_rpc_method_handler(lambda *_: reply)

    def service(self, details):
        return self._handler if details.method == PATH else None


server = grpc.server(ThreadPoolExecutor(4), [Echo(bytes(int(sys.argv[1])))], options=OPTIONS)
print(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", flush=True)
server.start()
server.wait_for_termination()
