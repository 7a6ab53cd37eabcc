"""A runtime of MLServer."""

from graph import open_graph
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class OnnxModel(MLModel):
    async def load(self):
        self.run = open_graph(self.settings.parameters.uri)
        return True

    async def predict(self, payload):
        x = NumpyCodec.decode_input(payload.inputs[0])
        h = NumpyCodec.encode_output("h", self.run(x))
        return InferenceResponse(model_name=self.name, id=payload.id, outputs=[h])
