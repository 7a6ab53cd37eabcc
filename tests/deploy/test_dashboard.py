"""Dashboard, scaling rule and scrape configuration ask for what a real server's /metrics has."""

import json
import re
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cloud_runtime.config import ServerConfig
from cloud_runtime.server import start
from sdk import EdgeClient
from sdk.errors import SdkError

from .dockerfile import DEPLOY

DASHBOARD = json.loads((DEPLOY / "compose/grafana/phasekey.json").read_text())
SERIES = re.compile(r"\b((?:nv|phasekey|process)_[a-z_]+)(?:\{([^}]*)\})?")
OF_PROMETHEUS = {"instance", "job", "namespace"}  # labels that scraping adds


def expressions() -> list[str]:
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    scaled = yaml.safe_load((DEPLOY / "kubernetes/keda/scaling.yaml").read_text())
    return asked + [trigger["metadata"]["query"] for trigger in scaled["spec"]["triggers"]]


@pytest.fixture(scope="module")
def samples(small_export) -> dict[str, set[str]]:
    """Of a server that answered something and refused something: each series' name, and its labels."""
    config = ServerConfig(small_export.cloud, listen="127.0.0.1:0", http="127.0.0.1:0")
    with start(config) as server:
        with EdgeClient(small_export.edge, target=server.address) as client:
            client.predict(small_export.network.images(2))
            with pytest.raises(SdkError, match="refused"):
                client._transport.infer(np.zeros((1, 1), np.float32))
        text = urllib.request.urlopen(f"http://{server.http_address}/metrics", timeout=60).read().decode()
    return {
        sample.name: set(sample.labels)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("expression", expressions())
def test_every_series_and_label_is_one_that_the_server_has(expression: str, samples) -> None:
    found = SERIES.findall(expression)
    assert found
    for name, selector in found:
        assert name in samples
        assert set(re.findall(r"(\w+) *[=!]", selector)) <= samples[name] | OF_PROMETHEUS
    (grouped,) = {tuple(re.findall(r"\w+", by)) for by in re.findall(r"by \(([^)]*)\)", expression)} or {()}
    assert set(grouped) <= set.union(*(samples[name] for name, _ in found)) | OF_PROMETHEUS


def test_every_series_of_ours_is_on_the_dashboard(samples) -> None:
    """What nobody looks at need not be measured; _created and _sum of a histogram come along."""
    ours = {
        name for name in samples if name.startswith(("nv_", "phasekey_")) and not name.endswith("_created")
    }
    assert ours <= {name for expression in expressions() for name, _ in SERIES.findall(expression)}


def test_panels_lie_side_by_side_and_name_one_data_source() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24  # Grafana's columns
    assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == {
        "${datasource}"
    }


def test_what_is_provisioned_lies_where_the_providers_look() -> None:
    compose = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())
    for config in compose["configs"].values():
        assert (DEPLOY / "compose" / config["file"]).is_file()
    places = {each["source"]: Path(each["target"]) for each in compose["services"]["grafana"]["configs"]}
    (provider,) = yaml.safe_load((DEPLOY / "compose/grafana/dashboards.yaml").read_text())["providers"]
    assert str(places["dashboard"].parent) == provider["options"]["path"]
    (job,) = yaml.safe_load((DEPLOY / "compose/prometheus.yaml").read_text())["scrape_configs"]
    assert job["static_configs"][0]["targets"] == ["server:8002"]
    assert 'job="' + job["job_name"] in json.dumps(DASHBOARD).replace("\\", "")
