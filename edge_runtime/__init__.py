"""The device's half of the network: images in, features out; processed features in, predictions out.

No network traffic and no key in here: rotation and transport are the SDK's.
"""

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.graphs import Decoder, Encoder
from edge_runtime.images import load_images

__all__ = ["Decoder", "EdgeRuntimeError", "Encoder", "load_images"]
