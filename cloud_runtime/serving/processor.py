"""The processing graph: h = Φ(x). Knows neither gRPC nor keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloud_runtime.errors import CloudRuntimeError
from cloud_runtime.repository.files import ModelFiles
from cloud_runtime.serving.batches import BatchPolicy
from cloud_runtime.serving.signature import Array, Signature, build_signature
from cloud_runtime.serving.statistics import ModelStatistics
from phasekey.bundle import GRAPH_VERSION
from phasekey.bundle.metadata import BUNDLE_ID, FORMAT_VERSION, ROLE
from phasekey.errors import PhasekeyError
from phasekey.graph_runtime import GraphSession
from phasekey.graph_runtime.session import Device

# Slices' worth of samples that requests are joined to. On a CPU joining spares what a run costs beside the
# graph, caches above all: 1.02, .95 and .96 ms of CPU for each of 16 requests at 1, 2 and 4.
_JOINED = 2


@dataclass(frozen=True)
class RunOptions:
    """How graphs run.

    Attributes:
        threads: threads within one run; 0 for every core.
        device: ``"cpu"``, ``"cuda"`` or ``"tensorrt"``.
        cuda_graphs: capture a run's kernels once for each shape and replay them.
        slice_samples: samples in one run, so that a large request lets others have a turn; 0 for any number.
    """

    threads: int = 1
    device: Device = "cpu"
    cuda_graphs: bool = False
    slice_samples: int = 0


class Processor:
    """One served model version. Safe to use from several threads at once.

    Args:
        files: the version's files, as the repository gives them.
        options: how to run it.
        statistics: where its runs are counted.

    Raises:
        CloudRuntimeError: the graph does not load, or does not agree with its configuration.
    """

    def __init__(
        self,
        files: ModelFiles,
        options: RunOptions = RunOptions(),
        statistics: ModelStatistics | None = None,
    ) -> None:
        self.files, self.name, self.version = files, files.name, str(files.version)
        self.statistics = statistics or ModelStatistics()
        try:
            self._session = GraphSession(
                files.graph,
                threads=options.threads,
                device=options.device,
                cuda_graphs=options.cuda_graphs,
            )
            _check_stamps(files, self._session.metadata)
            self.signature: Signature = build_signature(
                files.config, self._session.inputs, self._session.outputs
            )
        except PhasekeyError as error:
            raise CloudRuntimeError(f"Model {files.name!r}: {error}") from error
        self.policy: BatchPolicy = _read_policy(files, options.slice_samples)

    def process(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Check inputs and run the graph once, here and now.

        Args:
            inputs: one array for each input, by name; for a processing module ``x``, (N, 2C, H, W).

        Returns:
            One array for each output, by name; for a processing module ``h``, (N, 2D) or (N, 2C, H, W).

        Raises:
            InvalidInputError: an array is not what the model takes.
            GraphError: the run failed although the arrays fit.
        """
        self.signature.check_inputs(inputs)
        return self.run(inputs)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph once on inputs that were checked.

        Raises:
            GraphError: the run failed.
        """
        return self._session.run(inputs, checked=True)

    def warm_up(self) -> None:
        """Run zeros of the batch sizes to come, so that the first client does not pay for allocations.

        Raises:
            CloudRuntimeError: the graph does not run.
        """
        sizes = {warmup.batch_size for warmup in self.files.config.model_warmup if warmup.batch_size}
        sizes |= {1, self.policy.wanted or 1}
        for size in sorted(sizes):
            inputs = self.signature.zeros(size)
            if inputs is None:
                return
            try:
                self.run(inputs)
            except PhasekeyError as error:
                raise CloudRuntimeError(f"Model {self.name!r} failed its warm-up: {error}") from error


def _read_policy(files: ModelFiles, slice_samples: int) -> BatchPolicy:
    """Say how requests may be joined and cut.

    Triton's rule for joining: only where the configuration says ``dynamic_batching``. Cutting is sound for
    what Phasekey exported (the graph never mixes samples) and for what may be joined.
    """
    config, most = files.config, files.config.max_batch_size
    if not most:
        return BatchPolicy()
    batching = config.dynamic_batching
    joins = config.HasField("dynamic_batching")
    preferred = tuple(sorted({size for size in batching.preferred_batch_size if 0 < size <= most}))
    slices = bool(slice_samples) and (joins or files.parameter(BUNDLE_ID) is not None)
    limit = min(most, _JOINED * slice_samples) if slices else most
    return BatchPolicy(
        joins=joins,
        slice=min(most, slice_samples) if slices else 0,
        limit=max(limit, *preferred) if preferred else limit,
        preferred=preferred,
        delay_us=batching.max_queue_delay_microseconds,
    )


def _check_stamps(files: ModelFiles, metadata: Mapping[str, str]) -> None:
    """Compare what the export stamped into the graph with what it wrote beside it.

    A graph and a configuration without stamps are a plain repository's, and fine.
    """
    expected, found = files.parameter(BUNDLE_ID), metadata.get(BUNDLE_ID)
    if expected != found:
        raise CloudRuntimeError(
            f"its graph is of bundle {found}, its config.pbtxt of bundle {expected}: they are from different "
            "exports. Copy the whole cloud folder of one export."
        )
    version = metadata.get(FORMAT_VERSION, str(GRAPH_VERSION))
    if version != str(GRAPH_VERSION):
        raise CloudRuntimeError(
            f"its graph is of format version {version}, this server reads {GRAPH_VERSION}: export it "
            "again with this version of Phasekey, or serve it with the one that exported it."
        )
    role = metadata.get(ROLE, "processing")
    if role != "processing":
        raise CloudRuntimeError(
            f"its graph is the {role}, which belongs on the device; the cloud serves the processing module."
        )
