"""Prometheus metrics, under Triton's names where Triton has one, made from the statistics at each scrape."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from cloud_runtime.protocol.statuses import Refusals
from cloud_runtime.serving.admission import Admission
from cloud_runtime.serving.statistics import STAGES, Reason, StatisticsBook, Totals

_LABELS = ("model", "version")
_REASONS: tuple[Reason, ...] = ("REJECTED", "CANCELED", "BACKEND", "OTHER")
_NS_PER_US = 1000
_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_COUNTERS: tuple[tuple[str, str, Callable[[Totals], float]], ...] = (
    ("nv_inference_request_success", "Requests answered", lambda totals: totals.successes),
    ("nv_inference_count", "Samples inferred", lambda totals: totals.samples),
    (
        "nv_inference_exec_count",
        "Runs of the graph, each of a batch",
        lambda totals: sum(run.count for run in totals.runs.values()),
    ),
)


class ServingCollector(Collector):
    """Turns statistics into metrics. Labels are models' names, versions and codes: nothing a client chose."""

    def __init__(self, statistics: StatisticsBook, admission: Admission, refusals: Refusals) -> None:
        self._statistics, self._admission, self._refusals = statistics, admission, refusals

    def collect(self) -> Iterable[Metric]:
        """Give all metrics as of now."""
        models = [((name, version), totals) for name, version, totals in self._statistics]
        yield from _count_models(models)
        yield _failures(models)
        yield from _stages(models)
        pending = GaugeMetricFamily(
            "nv_inference_pending_request_count", "Requests waiting for their turn", labels=_LABELS
        )
        for labels, totals in models:
            pending.add_metric(labels, totals.pending)
        yield pending
        yield _batch_sizes(models)
        yield from self._server()

    def _server(self) -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "phasekey_requests_admitted", "Inference requests in the server", self._admission.requests
        )
        yield GaugeMetricFamily(
            "phasekey_request_bytes_admitted", "Bytes of their messages", self._admission.bytes
        )
        refused = CounterMetricFamily(
            "phasekey_grpc_refused", "Calls that were not answered", labels=("method", "code")
        )
        for labels, count in sorted(self._refusals.snapshot().items()):
            refused.add_metric(labels, count)
        yield refused


_Models = list[tuple[tuple[str, str], Totals]]


def make_registry(collector: ServingCollector) -> CollectorRegistry:
    """Make a registry of its own, with the process's and Python's usual metrics."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def _count_models(models: _Models) -> Iterable[Metric]:
    for name, text, read in _COUNTERS:
        yield _family(
            name, text, [(dict(zip(_LABELS, labels, strict=True)), read(totals)) for labels, totals in models]
        )


def _failures(models: _Models) -> Metric:
    samples = [
        (dict(zip(_LABELS, labels, strict=True)) | {"reason": reason}, float(totals.failures[reason]))
        for labels, totals in models
        for reason in _REASONS
    ]
    return _family("nv_inference_request_failure", "Requests not answered", samples)


def _stages(models: _Models) -> Iterable[Metric]:
    for stage in STAGES:
        samples = [
            (dict(zip(_LABELS, labels, strict=True)), totals.stages[stage] / _NS_PER_US)
            for labels, totals in models
        ]
        yield _family(f"nv_inference_{stage}_duration_us", f"Microseconds in total: {stage}", samples)


def _family(name: str, text: str, samples: Iterable[tuple[dict[str, str], float]]) -> Metric:
    """Make a counter under Triton's name: prometheus_client would put ``_total`` behind a declared one."""
    family = Metric(name, text, "unknown")
    for labels, value in samples:
        family.add_sample(name, labels, value)
    return family


def _batch_sizes(models: _Models) -> Metric:
    family = HistogramMetricFamily("phasekey_batch_size", "Samples in a run of the graph", labels=_LABELS)
    for labels, totals in models:
        sizes = {size: run.count for size, run in totals.runs.items()}
        buckets = [
            (str(bound), sum(count for size, count in sizes.items() if size <= bound)) for bound in _BUCKETS
        ]
        buckets.append(("+Inf", sum(sizes.values())))
        family.add_metric(labels, buckets, sum_value=sum(size * count for size, count in sizes.items()))
    return family
