"""A server of KServe: GRAPH NAME GRPC_PORT HTTP_PORT METADATA.

KServe listens on every address; here on loopback.
"""

import json
import sys

from graph import open_graph
from grpc import aio
from kserve import InferOutput, InferResponse, Model, ModelServer

graph, name, grpc_port, http_port, metadata = sys.argv[1:6]
sys.argv[1:] = []

listen = aio.Server.add_insecure_port
aio.Server.add_insecure_port = lambda server, address: listen(server, address.replace("[::]", "127.0.0.1"))


class OnnxModel(Model):
    def load(self):
        self.run = open_graph(graph)
        self.ready = True
        return True

    def get_input_types(self):
        return json.loads(metadata)["inputs"]

    def get_output_types(self):
        return json.loads(metadata)["outputs"]

    def predict(self, payload, headers=None, response_headers=None):  # noqa: ARG002 - as KServe calls it
        h = self.run(payload.inputs[0].as_numpy())
        output = InferOutput("h", list(h.shape), "FP16")
        output.set_data_from_numpy(h)
        return InferResponse(payload.id, self.name, [output])


model = OnnxModel(name)
model.load()
ModelServer(http_port=int(http_port), grpc_port=int(grpc_port), enable_latency_logging=False).start([model])
