"""The processing graph in int8: static quantisation, symmetric: no phase is preferred (docs/adr/0021).

ONNX Runtime's own tool does it. Convolutions and matrix products take activations as uint8 around 128 (the
kernels for that are faster than for int8 around 0) and weights as int8 around 0, one scale for each output
channel. Norms, δ and pooling stay in float32. What is left is equivariant up to rounding.
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

import phasekey.graph_runtime  # noqa: F401 - switches telemetry off, before ONNX Runtime is imported below
from export.errors import ExportError

OPERATORS = ["Conv", "Gemm", "MatMul"]
_SYMMETRIC = {"ActivationSymmetric": True, "WeightSymmetric": True}
# Spares the tool's advice to run its preparation first: traced graphs have their shapes already.
_PREPARED = {"onnx.quant.pre_process": "onnxruntime.quant"}
Batch = NDArray[np.float32]


class Reader:
    """Batches of x as ONNX Runtime's tool asks for them."""

    def __init__(self, samples: Iterable[Batch]) -> None:
        self._samples: Iterator[Batch] = iter(samples)

    def get_next(self) -> dict[str, Batch] | None:
        """The next batch by the input's name, None after the last."""
        x = next(self._samples, None)
        return None if x is None else {"x": x}


def quantise(processing: onnx.ModelProto, samples: Iterable[Batch]) -> onnx.ModelProto:
    """Give the processing graph int8 arithmetic; x and h stay float32.

    Args:
        processing: a float32 graph of the stacked form (export.lowering); it is not changed.
        samples: batches of x, (N, kC, H, W) float32 of real images, for the ranges of the activations.

    Returns:
        The graph with QuantizeLinear and DequantizeLinear around its convolutions and products.

    Raises:
        ExportError: ONNX Runtime's tool refuses the graph, or the disk its temporary files.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    try:
        with tempfile.TemporaryDirectory() as folder:
            # From file to file: given a model in memory, the tool empties its weights.
            source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
            model = onnx.ModelProto()
            model.CopyFrom(processing)
            onnx.helper.set_model_props(model, _PREPARED)
            source.write_bytes(model.SerializeToString())
            quantize_static(
                source,
                target,
                Reader(samples),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=OPERATORS,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                extra_options=_SYMMETRIC,
            )
            return onnx.load(target)
    except OSError as error:
        raise ExportError(
            f"cannot write temporary files to {tempfile.gettempdir()}: {error.strerror}; make room there, or "
            "set TMPDIR to another folder"
        ) from error
    except Exception as error:  # the tool raises whatever its parts raise
        raise ExportError(
            "ONNX Runtime could not quantise the processing graph; export with --processing float32"
        ) from error
