"""The Kubernetes manifests fit their schemas and our policy; each rule is shown to find a fault."""

import re
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.deploy.tools import ROOT, SERVICES, run

KUBERNETES: Final = ROOT / "deploy/kubernetes"
OWN_SCHEMAS: Final = {"kustomization.yaml", "servicemonitor.yaml"}  # no part of Kubernetes, so without a schema there

MANIFESTS: Final = sorted(path for path in KUBERNETES.glob("*.yaml") if path.name not in OWN_SCHEMAS)
OBJECTS: Final = [each for path in KUBERNETES.glob("*.yaml") for each in yaml.safe_load_all(path.read_text())]


def of_kind(kind: str) -> dict[str, Any]:
    return {each["metadata"]["name"]: each for each in OBJECTS if each["kind"] == kind}


def pods() -> dict[str, Any]:
    found = of_kind("Deployment") | of_kind("Job")
    return {name: each["spec"]["template"]["spec"] for name, each in found.items()}


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_a_manifest_fits_the_schema_of_kubernetes(manifest: Path) -> None:
    done = run("kubernetes-validate", "--strict", manifest)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_typing_error_in_a_manifest_is_found(tmp_path: Path) -> None:
    broken = tmp_path / "web.yaml"
    broken.write_text((KUBERNETES / "web.yaml").read_text().replace("readinessProbe", "readynessProbe"))
    assert run("kubernetes-validate", "--strict", broken).returncode != 0


def test_kustomize_lists_every_manifest_and_renders_it() -> None:
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    listed = set(kustomization["resources"])
    assert listed == {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    if shutil.which("kubectl"):
        done = run("kubectl", "kustomize", KUBERNETES)
        assert done.returncode == 0, done.stderr
        assert "registry.example.org/tandem" in done.stdout


def test_every_part_of_staging_has_its_place_there() -> None:
    assert set(of_kind("Deployment")) == {"tandem-web", "tandem-controller", "tandem-worker"}
    assert set(of_kind("Job")) == {"tandem-migrate"}
    commands = {name: pod["containers"][0].get("command") for name, pod in pods().items()}
    for name in ("controller", "worker", "migrate"):
        assert commands[f"tandem-{name}"] == SERVICES[name]["command"]
    for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget", "ServiceMonitor"):
        assert len(of_kind(kind)) == 1


@pytest.mark.parametrize("name", sorted(pods()))
def test_a_pod_is_restricted(name: str) -> None:
    pod = pods()[name]
    [container] = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}" == SERVICES["web-1"]["user"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


def test_a_web_pod_drains_before_it_ends_and_is_asked_the_right_questions() -> None:
    pod = pods()["tandem-web"]
    [container] = pod["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    [stop] = container["lifecycle"].values()
    script = stop["exec"]["command"][-1]
    assert f"touch {environment['DRAIN_FILE']}" in script
    slept_s = int(re.findall(r"sleep (\d+)", script)[0])
    readiness = container["readinessProbe"]
    assert slept_s > readiness["periodSeconds"] * readiness["failureThreshold"]
    assert pod["terminationGracePeriodSeconds"] >= slept_s + 40
    assert readiness["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/livez"


def test_one_web_pod_may_always_be_missing_and_never_more() -> None:
    [scaling], [budget] = of_kind("HorizontalPodAutoscaler").values(), of_kind("PodDisruptionBudget").values()
    web = of_kind("Deployment")["tandem-web"]
    assert scaling["spec"]["scaleTargetRef"]["name"] == "tandem-web"
    assert scaling["spec"]["minReplicas"] >= 2
    assert "replicas" not in web["spec"]
    assert budget["spec"]["maxUnavailable"] == 1
    assert web["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    labels = web["spec"]["template"]["metadata"]["labels"]
    selectors = [budget["spec"]["selector"]["matchLabels"], of_kind("Service")["tandem"]["spec"]["selector"]]
    assert [*selectors, web["spec"]["selector"]["matchLabels"]] == [labels] * 3


def test_no_secret_is_in_a_manifest() -> None:
    assert of_kind("Secret") == {}
    config = dict(
        line.split("=", 1) for line in (KUBERNETES / "config.env").read_text().splitlines() if not line.startswith("#")
    )
    assert not config.keys() & {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "METRICS_TOKEN"}
    for name, pod in pods().items():
        assert {"secretRef": {"name": "tandem-secrets"}} in pod["containers"][0]["envFrom"], name
