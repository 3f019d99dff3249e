"""The Kubernetes manifests fit their schemas and our policy. Each rule is shown to find its fault."""

import copy
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from django.conf import settings

from cms import limits
from cms.costs.bodies import PAGE_BYTES_MAX
from cms.media import memory
from cms.text import apart
from tests.deploy.kubernetes_objects import Cluster, Object, Workload
from tests.deploy.kubernetes_policy import SECRETS, faults_of
from tests.deploy.tools import ROOT, SERVICES, run

KUBERNETES: Final = ROOT / "deploy/kubernetes"
OWN_SCHEMAS: Final = {"kustomization.yaml", "servicemonitor.yaml"}  # no part of Kubernetes, so without a schema there
VERSIONS: Final = ("1.27", "1.37")
"""The first with a stable `timeZone` of CronJobs, and the newest with a schema."""

MANIFESTS: Final = sorted(path for path in KUBERNETES.glob("*.yaml") if path.name not in OWN_SCHEMAS)
MIB: Final = 1024 * 1024
CLUSTER: Final = Cluster([each for path in KUBERNETES.glob("*.yaml") for each in yaml.safe_load_all(path.read_text())])
DRAINS_S: Final = {
    "web": float(SERVICES["web-1"]["stop_grace_period"].removesuffix("s")),
    "worker": 70.0,  # the longest turn of webhooks: TURN_LIMIT_S of run_worker, and WEBHOOK_TIMEOUT_S
    "controller": 30.0,  # one turn: a wait of 10 s for a connection, and its statements
}


def workload(component: str) -> Workload:
    return Workload(owner_of(CLUSTER, component))


def owner_of(cluster: Cluster, component: str) -> Object:
    kind = {"migrate": "Job", "backup": "CronJob"}.get(component, "Deployment")
    return cluster.named(kind, f"tandem-{component}")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_fit_the_schema_of_kubernetes(version: str) -> None:
    done = run("kubernetes-validate", "--strict", "-k", version, *MANIFESTS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_typing_error_in_a_manifest_is_found(tmp_path: Path) -> None:
    broken = tmp_path / "web.yaml"
    broken.write_text((KUBERNETES / "web.yaml").read_text().replace("readinessProbe", "readynessProbe"))
    assert run("kubernetes-validate", "--strict", broken).returncode != 0


def test_kustomize_lists_every_manifest() -> None:
    [kustomization] = CLUSTER.of_kind("Kustomization")
    assert set(kustomization["resources"]) == {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}


def test_what_kustomize_renders_keeps_the_rules() -> None:
    done = run("kubectl", "kustomize", KUBERNETES)
    assert done.returncode == 0, done.stderr
    rendered = Cluster(list(yaml.safe_load_all(done.stdout)))
    assert faults_of(rendered, DRAINS_S) == set()
    assert {each["metadata"].get("namespace") for each in rendered.objects} == {"tandem", None}
    images = {each["image"] for work in rendered.workloads() for each in work.containers}
    assert images == {"registry.example.org/tandem:0.1.0", SERVICES["nginx"]["image"]}


def test_a_typing_error_in_the_kustomization_is_found(tmp_path: Path) -> None:
    shutil.copytree(KUBERNETES, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "kustomization.yaml"
    file.write_text(file.read_text().replace("configMapGenerator", "configMapGenerators"))
    assert run("kubectl", "kustomize", tmp_path).returncode != 0


def test_every_part_of_staging_has_its_place_there() -> None:
    parts = {work.labels["app.kubernetes.io/component"]: work.owner["kind"] for work in CLUSTER.workloads()}
    deployments = dict.fromkeys(("web", "controller", "worker"), "Deployment")
    assert parts == deployments | {"migrate": "Job", "backup": "CronJob"}
    for name in ("controller", "worker", "migrate"):
        assert workload(name).pod["containers"][0]["command"] == SERVICES[name]["command"]
    for work in CLUSTER.workloads():
        context = work.pod["securityContext"]
        assert f"{context['runAsUser']}:{context['runAsGroup']}" == SERVICES["web-1"]["user"]


def test_the_manifests_keep_the_rules() -> None:
    assert faults_of(CLUSTER, DRAINS_S) == set()


def container(cluster: Cluster, component: str) -> Object:
    found: Object = Workload(owner_of(cluster, component)).pod["containers"][0]
    return found


def pod(cluster: Cluster, component: str) -> Object:
    return Workload(owner_of(cluster, component)).pod


def policy(cluster: Cluster, name: str) -> Object:
    found: Object = cluster.named("NetworkPolicy", name)["spec"]
    return found


def remove(cluster: Cluster, kind: str, name: str) -> None:
    cluster.objects.remove(cluster.named(kind, name))


PLANTED: Final[list[tuple[str, Callable[[Cluster], Any]]]] = [
    ("restricted", lambda it: container(it, "migrate").pop("securityContext")),
    ("restricted", lambda it: container(it, "web")["securityContext"].update(privileged=True)),
    ("restricted", lambda it: pod(it, "web")["containers"][1]["ports"][0].update(hostPort=80)),
    ("restricted", lambda it: pod(it, "backup")["securityContext"].update(runAsUser=0)),
    ("restricted", lambda it: pod(it, "worker").update(hostNetwork=True)),
    ("restricted", lambda it: pod(it, "migrate")["volumes"][0].update(hostPath={"path": "/"})),
    ("restricted", lambda it: pod(it, "web").update(initContainers=[{**container(it, "web"), "securityContext": {}}])),
    ("token", lambda it: pod(it, "worker").pop("automountServiceAccountToken")),
    ("image", lambda it: it.of_kind("Kustomization")[0]["images"][0].update(newTag="latest")),
    ("image", lambda it: it.of_kind("Kustomization")[0]["images"].clear()),
    ("image", lambda it: container(it, "backup").update(image="docker.io/library/postgres")),
    ("resources", lambda it: container(it, "migrate")["resources"].pop("limits")),
    ("resources", lambda it: container(it, "web")["resources"]["requests"].pop("cpu")),
    ("secret", lambda it: it.objects.append({"kind": "Secret", "metadata": {"name": "tandem-secrets"}})),
    ("secret", lambda it: container(it, "backup")["env"].append({"name": "SECRET_KEY", "value": "x"})),
    ("secret", lambda it: container(it, "migrate")["envFrom"].pop()),
    ("volume", lambda it: remove(it, "PersistentVolumeClaim", "tandem-backups")),
    ("volume", lambda it: pod(it, "worker")["volumes"].pop()),
    ("probe", lambda it: container(it, "controller").pop("startupProbe")),
    ("probe", lambda it: container(it, "worker").pop("livenessProbe")),
    ("probe", lambda it: container(it, "worker")["livenessProbe"].update(failureThreshold=1)),
    ("probe", lambda it: container(it, "worker")["command"].pop()),
    ("probe", lambda it: container(it, "web").pop("readinessProbe")),
    ("probe", lambda it: container(it, "web")["livenessProbe"]["httpGet"].update(path="/readyz")),
    ("grace", lambda it: pod(it, "worker").pop("terminationGracePeriodSeconds")),
    ("grace", lambda it: pod(it, "web").update(terminationGracePeriodSeconds=45)),
    ("rollout", lambda it: owner_of(it, "controller")["spec"].pop("strategy")),
    ("rollout", lambda it: owner_of(it, "web")["spec"]["strategy"]["rollingUpdate"].update(maxUnavailable=1)),
    ("budget", lambda it: remove(it, "PodDisruptionBudget", "tandem-worker")),
    ("budget", lambda it: it.named("PodDisruptionBudget", "tandem-web")["spec"].update(maxUnavailable=0)),
    ("budget", lambda it: it.named("PodDisruptionBudget", "tandem-web")["spec"].update(selector={})),
    ("budget", lambda it: owner_of(it, "controller")["spec"].update(replicas=1)),
    ("budget", lambda it: owner_of(it, "web")["spec"].update(replicas=3)),
    ("selector", lambda it: owner_of(it, "worker")["spec"]["selector"]["matchLabels"].popitem()),
    ("job", lambda it: pod(it, "migrate").update(restartPolicy="OnFailure")),
    ("job", lambda it: owner_of(it, "backup")["spec"]["jobTemplate"]["spec"].pop("activeDeadlineSeconds")),
    ("cron", lambda it: owner_of(it, "backup")["spec"].update(concurrencyPolicy="Allow")),
    ("cron", lambda it: owner_of(it, "backup")["spec"].pop("startingDeadlineSeconds")),
    ("cron", lambda it: owner_of(it, "backup")["spec"].update(schedule="30 2 * * 0")),
    ("isolation", lambda it: remove(it, "NetworkPolicy", "tandem")),
    ("isolation", lambda it: policy(it, "tandem")["podSelector"].update(matchLabels={"app": "tandem"})),
    ("reachable", lambda it: policy(it, "tandem-web").update(podSelector={})),
    ("reachable", lambda it: remove(it, "NetworkPolicy", "tandem-web")),
    ("peer", lambda it: policy(it, "tandem-web")["ingress"][0].pop("from")),
    ("peer", lambda it: policy(it, "tandem-web")["ingress"][0].pop("ports")),
    ("peer", lambda it: policy(it, "tandem-web")["ingress"][0]["from"].append({"namespaceSelector": {}})),
    ("metadata", lambda it: policy(it, "tandem")["egress"][0]["to"][1]["ipBlock"].pop("except")),
    ("metadata", lambda it: policy(it, "tandem")["egress"].append({"ports": [{"port": 443}]})),
    ("service", lambda it: it.named("Service", "tandem")["spec"]["selector"].popitem()),
    ("service", lambda it: it.named("Service", "tandem")["spec"]["ports"][0].update(targetPort="https")),
    ("buffered", lambda it: container(it, "web").update(ports=[{"name": "direct", "containerPort": 8001}])),
    ("buffered", lambda it: container(it, "web").pop("command")),
    ("secret", lambda it: pod(it, "web")["containers"][1].update(envFrom=container(it, "web")["envFrom"])),
    ("monitor", lambda it: it.of_kind("ServiceMonitor")[0]["spec"]["endpoints"][0].update(port="metrics")),
    ("monitor", lambda it: it.of_kind("ServiceMonitor")[0]["spec"]["selector"]["matchLabels"].update(app="x")),
    ("admission", lambda it: it.of_kind("Namespace")[0]["metadata"].pop("labels")),
]


@pytest.mark.parametrize(("fault", "plant"), PLANTED, ids=lambda value: value if isinstance(value, str) else "planted")
def test_a_planted_fault_is_found(fault: str, plant: Callable[[Cluster], Any]) -> None:
    cluster = copy.deepcopy(CLUSTER)
    plant(cluster)
    assert faults_of(cluster, DRAINS_S) == {fault}


def test_an_autoscaler_without_a_target_is_found() -> None:
    cluster = copy.deepcopy(CLUSTER)
    cluster.of_kind("HorizontalPodAutoscaler")[0]["spec"]["scaleTargetRef"]["name"] = "web"
    assert "scaling" in faults_of(cluster, DRAINS_S)


def test_a_web_pod_drains_until_every_proxy_has_heard_of_it() -> None:
    web, nginx = workload("web").containers
    environment = {each["name"]: each.get("value") for each in web["env"]}
    script = web["lifecycle"]["preStop"]["exec"]["command"][-1]
    assert f"touch {environment['DRAIN_FILE']}" in script
    readiness = web["readinessProbe"]
    [slept_s], [nginx_s] = (
        [int(found) for found in re.findall(r"sleep (\d+)", each["lifecycle"]["preStop"]["exec"]["command"][-1])]
        for each in (web, nginx)
    )
    assert nginx_s > slept_s > readiness["periodSeconds"] * readiness["failureThreshold"]


def test_the_web_process_is_started_as_in_the_image() -> None:
    [listed] = re.findall(r"^CMD (\[.+\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    words = " ".join(container(CLUSTER, "web")["command"]).replace("=", " ")
    assert words.replace("127.0.0.1:8001", "0.0.0.0:8000").split() == json.loads(listed)


def test_only_the_proxy_of_the_same_pod_is_believed() -> None:
    assert "TRUSTED_PROXIES=127.0.0.1/32" in (KUBERNETES / "config.env").read_text().splitlines()


def test_the_proxy_of_a_pod_is_that_of_staging() -> None:
    own, staging = (
        {line.strip() for path in paths for line in path.read_text().splitlines() if not line.strip().startswith("#")}
        for paths in ([KUBERNETES / "nginx.conf"], (ROOT / "deploy/nginx/tandem").iterdir())
    )
    particular = ("set $", "if (", "proxy_pass", "proxy_next", "proxy_set_header X-F")
    own_network = ("map $binary_remote_addr", '"~(?s)^', "default $binary_remote_addr")  # a pod has it as text
    assert {line for line in staging - own if not line.startswith((*particular, *own_network))} == {
        "location = /metrics { return 404; }",
        "location / { proxy_pass http://$upstream; }",
    }


def test_a_pod_has_room_for_the_dearest_picture_and_texts_beside_long_lists() -> None:
    """A process has some 150 MiB without them.

    A pod's processes work on one picture at a time between them, and on one long text each.
    """
    files, own, page, kept = 256 * MIB, 150 * MIB, 5 * PAGE_BYTES_MAX, 64 * MIB
    text = apart.MEMORY_BYTES_MAX
    web = 2 * (own + kept + 8 * page + text)
    for component, at_work, limit in (("web", web, "3Gi"), ("worker", own + text, "2Gi")):
        assert container(CLUSTER, component)["resources"]["limits"]["memory"] == limit
        assert at_work + memory.BYTES_MAX + files <= int(limit.removesuffix("Gi")) * 1024 * MIB


def test_the_largest_import_fits_on_the_disk_of_a_worker() -> None:
    """Its upload, its files in blocks of 4 KiB, and its report, which is written three times."""
    unpacked = limits.IMPORT_UNPACKED_BYTES_MAX + limits.IMPORT_FILES_MAX * 4_096
    needed = limits.IMPORT_BYTES_MAX + unpacked + 3 * limits.IMPORT_REPORT_BYTES_MAX
    assert bytes_on_disk("worker") > needed


@pytest.mark.parametrize("component", ["worker", "backup"])
def test_readiness_finds_room_for_temporary_files(component: str) -> None:
    assert bytes_on_disk(component) > settings.DISK_FREE_MIN_MB * 1_000_000


def bytes_on_disk(component: str) -> int:
    """Return how many bytes of the node's disk a pod's folder for temporary files may take."""
    [volume] = [each["emptyDir"] for each in pod(CLUSTER, component)["volumes"] if each["name"] == "tmp"]
    is_on_disk = "medium" not in volume
    return is_on_disk * int(volume["sizeLimit"].removesuffix("Gi")) * 1024 * MIB


def test_nginx_takes_the_configuration_of_a_pod(tmp_path: Path) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text(
        (KUBERNETES / "nginx.conf")
        .read_text()
        .replace("/tmp/", f"{tmp_path}/")
        .replace("/dev/stdout", f"{tmp_path}/log")
    )
    done = run("nginx", "-t", "-p", tmp_path, "-e", tmp_path / "log", "-c", file)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("age_s", "is_alive"), [(0, True), (10, True), (20, False), (None, False)])
def test_a_loop_is_alive_while_its_heartbeat_is_young(tmp_path: Path, age_s: int | None, is_alive: bool) -> None:
    heartbeat = tmp_path / "heartbeat"
    if age_s is not None:
        heartbeat.touch()
        os.utime(heartbeat, times=(time.time() - age_s,) * 2)
    for name in ("controller", "worker"):
        *shell, script = container(CLUSTER, name)["livenessProbe"]["exec"]["command"]
        done = subprocess.run([*shell, script.replace("/tmp/heartbeat", str(heartbeat))], check=False)
        assert (done.returncode == 0) is is_alive


@pytest.mark.parametrize("succeeds", [True, False])
def test_old_backups_go_only_after_a_new_one(tmp_path: Path, succeeds: bool) -> None:
    backups, python = tmp_path / "backups", tmp_path / "python3"
    backups.mkdir()
    python.write_text(f'#!/bin/sh\n[ "$1 $2" = "manage.py backup" ] && {str(succeeds).lower()} && touch "$3"\n')
    python.chmod(0o700)
    for name, age_days in (("2026-01-01.tar", 9), ("2026-01-02.tar", 2), ("before-the-upgrade.tar", 9)):
        (backups / name).touch()
        os.utime(backups / name, times=(time.time() - age_days * 86_400,) * 2)
    *shell, script = container(CLUSTER, "backup")["command"]
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        [*shell, script.replace("/backups", str(backups))], env={**os.environ, "PATH": path}, check=False
    )
    assert (done.returncode == 0) is succeeds
    kept = {path.name for path in backups.iterdir()} - {time.strftime("%Y-%m-%d.tar")}
    assert kept == {"2026-01-02.tar", "before-the-upgrade.tar"} | (set() if succeeds else {"2026-01-01.tar"})


def test_no_secret_is_in_the_configuration() -> None:
    lines = (KUBERNETES / "config.env").read_text().splitlines()
    assert not {line.removeprefix("# ").partition("=")[0] for line in lines} & SECRETS
