"""One loaded ONNX graph."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from phasekey.bundle.tensors import TensorSpec
from phasekey.graph_runtime.errors import GraphError
from phasekey.graph_runtime.signature import Port, check_feeds, read_port

if TYPE_CHECKING:
    import onnxruntime as ort

    from phasekey.graph_runtime.bound_run import BoundRuns

Device = Literal["cpu", "cuda", "tensorrt"]
Array = np.ndarray[Any, np.dtype[Any]]

_MOST_FITTING = 64  # sets of shapes remembered
_FATAL = 4  # ONNX Runtime's scale; what it would log below that reaches us as an exception
_CPU, _CUDA, _TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"
_FIRST: dict[str, str] = {"cpu": _CPU, "cuda": _CUDA, "tensorrt": _TENSORRT}
# TF32 keeps 10 bits of mantissa: the rotation's round trip would no longer be exact to float32.
_CUDA_OPTIONS = {"use_tf32": "0"}


class GraphSession:
    """An ONNX graph, ready to run. Safe to use from several threads at once.

    Args:
        graph: the ONNX file, or its bytes where it is not on disk yet.
        threads: threads within one run; 0 lets ONNX Runtime take every core.
        device: ``"cpu"``, ``"cuda"`` or ``"tensorrt"``.
        cuda_graphs: on a GPU, replay captured kernels where shapes repeat.

    Raises:
        GraphError: no such file, not a whole ONNX graph, or no such device here.
    """

    def __init__(
        self,
        graph: Path | bytes,
        *,
        threads: int = 1,
        device: Device = "cpu",
        cuda_graphs: bool = False,
    ) -> None:
        self._name = "the graph in memory" if isinstance(graph, bytes) else str(graph)
        source = graph if isinstance(graph, bytes) else Path(graph)
        self._session = _open(source, threads, device, cuda_graphs)
        self._inputs = _ports(self._session.get_inputs())
        self._outputs = _ports(self._session.get_outputs())
        self._names = [spec.name for spec in self.outputs]
        self._fitting: set[tuple[object, ...]] = set()  # inputs that were found to fit
        self._bound: BoundRuns | None = None
        if cuda_graphs:
            from phasekey.graph_runtime.bound_run import BoundRuns

            self._bound = BoundRuns(self._session, self._names, device)

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The graph's inputs, in order."""
        return tuple(port.spec for port in self._inputs)

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The graph's outputs, in order."""
        return tuple(port.spec for port in self._outputs)

    @property
    def metadata(self) -> dict[str, str]:
        """The facts that the export stamped into the graph (ONNX metadata_props)."""
        return dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, feeds: Mapping[str, Array], *, checked: bool = False) -> dict[str, Array]:
        """Run the graph once.

        Args:
            feeds: one array for each input, by name.
            checked: whether the caller has held them to ``inputs`` already.

        Returns:
            One array for each output, by name.

        Raises:
            GraphError: an array does not fit its input, or the run failed.
        """
        if not checked:
            self._check(feeds)
        contiguous = {
            name: array if (flags := array.flags).c_contiguous and flags.aligned else array.copy("C")
            for name, array in feeds.items()  # compiled code walks in order, from where a type may begin
        }
        try:
            results = self._bound.run(contiguous) if self._bound else None
            if results is None:
                results = self._session.run(self._names, contiguous)
        except Exception as error:  # ONNX Runtime raises a class of its own for each status
            raise GraphError(
                f"{Path(self._name).name}: the run failed on inputs that fit its signature."
            ) from error
        return dict(zip(self._names, results, strict=True))

    def _check(self, feeds: Mapping[str, Array]) -> None:
        """As ``check_feeds``, which need not look again at names, types and shapes that it let pass."""
        seen = tuple(
            [
                (name, array.dtype, array.shape) if isinstance(array, np.ndarray) else (name, type(array))
                for name, array in feeds.items()
            ]
        )
        if seen not in self._fitting:
            check_feeds(self._inputs, feeds)
            if len(self._fitting) < _MOST_FITTING:
                self._fitting.add(seen)

    def __repr__(self) -> str:
        return f"GraphSession({self._name!r})"


def _open(graph: Path | bytes, threads: int, device: Device, cuda_graphs: bool) -> ort.InferenceSession:
    import onnxruntime as ort

    if isinstance(graph, Path) and not graph.is_file():
        raise GraphError(f"No graph at {graph}: there is no such file. Check the path, or export again.")
    _check_arguments(threads, device, cuda_graphs)
    source = graph if isinstance(graph, bytes) else str(graph)
    providers = _providers(device, graph, cuda_graphs)
    try:
        session = ort.InferenceSession(source, _options(threads), providers=providers)
    except Exception as error:  # see run()
        name = "What is in memory" if isinstance(graph, bytes) else graph
        raise GraphError(
            f"{name} is not an ONNX graph that ONNX Runtime {ort.__version__} can load: it is damaged, "
            "cut short, or of a newer format. Copy it again or export again."
        ) from error
    if session.get_providers()[0] != _FIRST[device]:  # it falls back to the CPU without a word
        raise GraphError(
            f"Device {device!r} could not be started: check the driver and CUDA libraries, or use 'cpu'."
        )
    return session


def _check_arguments(threads: int, device: Device, cuda_graphs: bool) -> None:
    import onnxruntime as ort

    if threads < 0:
        raise GraphError(f"threads must be 0 (every core) or more, not {threads}.")
    if device not in _FIRST:
        raise GraphError(f"Unknown device {device!r}: choose from {sorted(_FIRST)}.")
    if _FIRST[device] not in ort.get_available_providers():
        raise GraphError(
            f"This ONNX Runtime was built without {device!r}: install 'phasekey[cloud-gpu]' in an "
            "environment of its own, or use 'cpu'."
        )
    if cuda_graphs and device != "cuda":
        raise GraphError(f"CUDA graphs need the device 'cuda', not {device!r}.")
    if device != "cpu" and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()  # finds the CUDA libraries that came as wheels


def _providers(device: Device, graph: Path | bytes, cuda_graphs: bool) -> list[Any]:
    """List providers in order; what the first cannot run goes to the next.

    TensorRT keeps the engine that it builds (minutes, at the first start) in a folder beside the graph,
    where the repository may be written to.
    """
    cuda = (_CUDA, _CUDA_OPTIONS | ({"enable_cuda_graph": "1"} if cuda_graphs else {}))
    if device == "cpu":
        return [_CPU]
    if device == "cuda":
        return [cuda, _CPU]
    cache: dict[str, str] = {}
    if isinstance(graph, Path) and os.access(graph.parent, os.W_OK):
        cache = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(graph.parent / "tensorrt")}
    return [(_TENSORRT, cache), cuda, _CPU]


def _options(threads: int) -> ort.SessionOptions:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    # Spinning threads buy microseconds at the price of a core that other work could use.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return options


def _ports(arguments: list[Any]) -> tuple[Port, ...]:
    return tuple(read_port(argument.name, argument.type, argument.shape) for argument in arguments)
