"""Runs with input and output buffers that stay where they are on the device (ONNX Runtime's IO binding).

What CUDA graphs need: captured kernels read and write fixed addresses, one capture for each set of shapes.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnxruntime as ort

Array = np.ndarray[Any, np.dtype[Any]]
Shapes = tuple[tuple[int, ...], ...]

_MAX_SHAPES = 64  # captures kept: each holds its buffers on the device


@dataclass
class _Bound:
    inputs: dict[str, ort.OrtValue]
    binding: ort.IOBinding
    options: ort.RunOptions
    lock: threading.Lock = field(default_factory=threading.Lock)


class BoundRuns:
    """One session's runs, with buffers for each set of input shapes. Safe to use from several threads.

    Args:
        session: an ONNX Runtime session.
        outputs: the outputs to bind, by name.
        device: ``"cuda"``, or ``"cpu"``.
    """

    def __init__(self, session: ort.InferenceSession, outputs: Sequence[str], device: str) -> None:
        self._session, self._outputs, self._device = session, tuple(outputs), device
        self._lock = threading.Lock()
        self._bound: dict[Shapes, _Bound] = {}

    def run(self, feeds: Mapping[str, Array]) -> list[Array] | None:
        """Run once; None where no buffers are left for inputs of these shapes: run them plainly.

        Args:
            feeds: contiguous arrays by input name.
        """
        bound = self._find(feeds)
        if bound is None:
            return None
        with bound.lock:  # the buffers are one request's at a time
            for name, array in feeds.items():
                bound.inputs[name].update_inplace(array)
            self._session.run_with_iobinding(bound.binding, bound.options)
            return list(bound.binding.copy_outputs_to_cpu())

    def _find(self, feeds: Mapping[str, Array]) -> _Bound | None:
        shapes = tuple(array.shape for array in feeds.values())
        with self._lock:
            if shapes not in self._bound and len(self._bound) < _MAX_SHAPES:
                self._bound[shapes] = self._bind(feeds, len(self._bound) + 1)
            return self._bound.get(shapes)

    def _bind(self, feeds: Mapping[str, Array], number: int) -> _Bound:
        import onnxruntime as ort

        binding, inputs = self._session.io_binding(), {}
        for name, array in feeds.items():
            inputs[name] = ort.OrtValue.ortvalue_from_numpy(array, self._device, 0)
            binding.bind_ortvalue_input(name, inputs[name])
        for name in self._outputs:
            binding.bind_output(name, self._device, 0)
        options = ort.RunOptions()
        options.add_run_config_entry("gpu_graph_id", str(number))
        return _Bound(inputs, binding, options)
