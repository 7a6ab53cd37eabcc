"""The processing module as ONNX Runtime runs it fastest: the same Φ, in another order of operations.

`lower(network.processing)` is traced in place of the module itself. What changes, and why:

- batch norm goes into the weights of the convolution before it: running statistics are constants;
- δ comes after the norm pooling that follows it, on fewer elements, and takes over its norms: δ grows with
  the norm, so pooling picks the same elements (pool(δ(f)) = δ(pool(f)), c_k of δ taken before the pooling);
- norm pooling takes its positions from the one MaxPool that pools the norms, where torch's export has two;
- large maps go as two tensors (streams.py), which keeps them in ONNX Runtime's blocked layout, with residual
  sums inside convolutions; small ones go as one (stacked.py), with as few nodes as can be.

docs/benchmarks.md tells what that brings. A module with a layer that is not known here is left as it is.
"""

from export.lowering.lower import lower
from export.lowering.stacked import Stacked
from export.lowering.streams import Streams

__all__ = ["Stacked", "Streams", "lower"]
