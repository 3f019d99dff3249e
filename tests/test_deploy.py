"""The deployment files say what they should, by their own tools and by rules of ours; each rule is shown to find a fault."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from canary.exposition import exposition

ROOT: Final = Path(__file__).resolve().parent.parent
COMPOSE: Final = ROOT / "docker-compose.staging.yml"
PROMETHEUS: Final = ROOT / "deploy/prometheus"
DASHBOARDS: Final = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
KUBERNETES: Final = ROOT / "deploy/kubernetes"
SECRETS: Final = ("POSTGRES_PASSWORD", "SECRET_KEY", "METRICS_TOKEN", "GRAFANA_PASSWORD")
ONE_SHOT: Final = {"migrate", "locust"}
OWN_SCHEMAS: Final = {"kustomization.yaml", "servicemonitor.yaml"}  # no part of Kubernetes, so without a schema there
PATH: Final = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"])

type Service = dict[str, Any]


def run(*command: str | Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Skipped aloud where the tool is missing, unless REQUIRE_SERVICES=1 makes that a failure."""
    program = shutil.which(str(command[0]), path=PATH)
    if program is None:
        sentence = f"{command[0]} is not installed (Debian: prometheus, docker-compose, nginx; or make test)"
        if os.environ.get("REQUIRE_SERVICES", "").lower() in ("1", "true"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    return subprocess.run(
        [program, *map(str, command[1:])],
        cwd=ROOT,
        env={"PATH": PATH, "HOME": os.environ.get("HOME", "/"), **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )


# -- compose ----------------------------------------------------------------------------------------------------------

STAGING: Final[dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())
SERVICES: Final[dict[str, Service]] = STAGING["services"]


def faults_of(name: str, service: Service) -> set[str]:
    """What is wrong with a service of the compose file, in a word each."""
    health = service.get("healthcheck", {})
    is_ours = "build" in service
    wrong = {
        "health": name not in ONE_SHOT and not health.get("test"),
        "restart": service.get("restart") != ("no" if name in ONE_SHOT else "unless-stopped"),
        "pin": not is_ours and not re.search(r":v?\d[\w.-]*$", service.get("image", "")),
        "user": not re.fullmatch(r"[1-9]\d*:[1-9]\d*", str(service.get("user", ""))),
        "read-only": service.get("read_only") is not True,
        "privileges": "no-new-privileges:true" not in service.get("security_opt", []),
        "capabilities": service.get("cap_drop") != ["ALL"] or "cap_add" in service or "privileged" in service,
        "port": any(not str(port).startswith("127.0.0.1:") for port in service.get("ports", [])),
        "socket": any("docker.sock" in str(volume) for volume in service.get("volumes", [])),
        "gate": any("condition" not in gate for gate in gates_of(service).values()),
    }
    return {word for word, is_wrong in wrong.items() if is_wrong}


def gates_of(service: Service) -> dict[str, dict[str, str]]:
    found = service.get("depends_on", {})
    return found if isinstance(found, dict) else {name: {} for name in found}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_hardened_pinned_and_watched(name: str) -> None:
    assert faults_of(name, SERVICES[name]) == set()


@pytest.mark.parametrize(
    ("fault", "plant"),
    [
        ("health", lambda service: service.pop("healthcheck")),
        ("restart", lambda service: service.pop("restart")),
        ("pin", lambda service: service.update(image="docker.io/library/redis:latest")),
        ("pin", lambda service: service.update(image="docker.io/library/redis")),
        ("user", lambda service: service.update(user="root")),
        ("user", lambda service: service.update(user="0:0")),
        ("user", lambda service: service.pop("user")),
        ("read-only", lambda service: service.pop("read_only")),
        ("privileges", lambda service: service.pop("security_opt")),
        ("capabilities", lambda service: service.update(cap_add=["NET_ADMIN"])),
        ("port", lambda service: service.update(ports=["6379:6379"])),
        ("socket", lambda service: service.update(volumes=["/var/run/docker.sock:/var/run/docker.sock"])),
        ("gate", lambda service: service.update(depends_on=["postgres"])),
    ],
    ids=lambda value: value if isinstance(value, str) else "planted",
)
def test_a_planted_fault_of_a_service_is_found(fault: str, plant: Callable[[Service], object]) -> None:
    service = copy.deepcopy(SERVICES["redis"])
    plant(service)
    assert faults_of("redis", service) == {fault}


def test_no_secret_has_a_default_or_stands_in_the_file() -> None:
    used = re.findall(r"\$\{(\w+)(:[-?])?", COMPOSE.read_text())
    assert {operator for name, operator in used if name in SECRETS} == {":?"}
    assert {name for name, _ in used} >= set(SECRETS)
    assert not re.findall(r"(?i)(?:password|secret_key|token): *[\"']?[A-Za-z0-9]", COMPOSE.read_text())


def test_operators_find_what_they_know() -> None:
    containers = {name: service.get("container_name") for name, service in SERVICES.items()}
    for name, port in (("postgres", 5432), ("redis", 6379), ("adminer", 8080)):
        assert containers[name] == f"cms-{name}-staging"
        assert SERVICES[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert SERVICES["postgres"]["image"].endswith("postgres:15-alpine")
    assert SERVICES["redis"]["image"].endswith("redis:7-alpine")
    assert "--appendonly" in SERVICES["redis"]["command"]
    assert SERVICES["postgres"]["environment"]["POSTGRES_USER"] == "cms_user"
    assert SERVICES["postgres"]["environment"]["POSTGRES_DB"] == "cms_staging"
    assert SERVICES["nginx"]["ports"] == ["127.0.0.1:8000:8000"]
    assert STAGING["networks"]["cms-staging-network"]["name"] == "cms-staging-network"


def test_everything_waits_for_what_it_needs() -> None:
    gates = {name: {on: gate["condition"] for on, gate in gates_of(each).items()} for name, each in SERVICES.items()}
    done, healthy = "service_completed_successfully", "service_healthy"
    assert gates["migrate"] == {"postgres": healthy}
    for name in ("web-1", "web-2"):
        assert gates[name] == {"migrate": done, "redis": healthy}
    assert gates["nginx"] == {"web-1": healthy, "web-2": healthy}
    assert gates["controller"]["migrate"] == gates["worker"]["migrate"] == done
    assert gates["locust"] == {"nginx": healthy}
    assert SERVICES["locust"]["profiles"] == ["load"]


def test_every_file_that_is_mounted_is_there() -> None:
    mounted = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    files = [path for path in mounted if path.startswith("./")]
    assert len(files) >= 4
    assert [path for path in files if not (ROOT / path).exists()] == []
    assert {path for path in mounted if not path.startswith("./")} == set(STAGING["volumes"])


def test_the_proxy_is_trusted_by_the_address_that_it_has() -> None:
    address = SERVICES["nginx"]["networks"]["cms-staging-network"]["ipv4_address"]
    assert {SERVICES[name]["environment"]["TRUSTED_PROXIES"] for name in ("web-1", "web-2")} == {address}


def test_compose_itself_takes_the_file() -> None:
    given = dict.fromkeys(SECRETS, "x" * 40)
    done = run("docker-compose", "-f", COMPOSE, "--profile", "load", "config", "--quiet", env=given)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", SECRETS)
def test_compose_starts_nothing_without_a_secret(name: str) -> None:
    given = {other: "x" * 40 for other in SECRETS if other != name}
    done = run("docker-compose", "-f", COMPOSE, "--env-file", "/dev/null", "config", "--quiet", env=given)
    assert done.returncode != 0
    assert name in done.stderr


def test_the_compose_file_fits_its_schema_and_a_typing_error_does_not(tmp_path: Path) -> None:
    schema = ("check-jsonschema", "--builtin-schema", "vendor.compose-spec")
    assert run(*schema, COMPOSE).returncode == 0
    broken = tmp_path / "broken.yml"
    broken.write_text(COMPOSE.read_text().replace("healthcheck:", "healtcheck:", 1))
    assert run(*schema, broken).returncode == 1


# -- image and proxy --------------------------------------------------------------------------------------------------


def test_hadolint_finds_nothing_in_the_dockerfile_and_something_in_a_bad_one(tmp_path: Path) -> None:
    done = run("hadolint", ROOT / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM debian\nRUN apt-get install python3\nMAINTAINER me\n")
    assert run("hadolint", bad).returncode == 1


def test_the_image_holds_every_package_and_runs_as_an_ordinary_user() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE)) == {"cms", "api_v1", "api_v2", "canary"}
    assert re.findall(r"^USER (\S+)$", text, re.MULTILINE)[-1] == SERVICES["web-1"]["user"]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert allowed == {"requirements.txt", "manage.py", "cms", "api_v1", "api_v2", "canary"}


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    site = re.sub(r"web-\d:8000", "127.0.0.1:8001", (ROOT / "deploy/nginx/staging.conf").read_text())
    (tmp_path / "site.conf").write_text(site)
    main = f"pid {tmp_path}/pid; events {{}} http {{ access_log off; include {tmp_path}/site.conf; }}"
    (tmp_path / "nginx.conf").write_text(main)
    done = run("nginx", "-t", "-p", tmp_path, "-e", tmp_path / "log", "-c", tmp_path / "nginx.conf")
    assert done.returncode == 0, done.stderr


# -- Prometheus and Grafana -------------------------------------------------------------------------------------------


def exposed_names() -> set[str]:
    """Every name that `/metrics` may have, and what Prometheus itself adds."""
    names = {"up"}
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", exposition(None, []).decode(), re.MULTILINE):
        names |= {f"{name}_{end}" for end in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return names


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:canary_\w+|up)\b(?!\s*\()", expression))


def queries_of(dashboard: Path) -> list[str]:
    def walk(node: Any) -> list[str]:
        if isinstance(node, dict):
            return ([node["expr"]] if "expr" in node else []) + [
                found for value in node.values() for found in walk(value)
            ]
        return [found for value in node for found in walk(value)] if isinstance(node, list) else []

    return walk(json.loads(dashboard.read_text()))


def promtool_takes(folder: Path, expressions: list[str]) -> bool:
    rules = [{"record": f"query:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    return run("promtool", "check", "rules", folder / "rules.yml").returncode == 0


def test_what_metrics_there_are_is_read_from_the_exposition() -> None:
    assert {"canary_requests_total", "canary_request_seconds_bucket", "canary_weight_bp"} <= exposed_names()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_asks_what_promtool_understands_and_metrics_has(dashboard: Path, tmp_path: Path) -> None:
    queries = queries_of(dashboard)
    assert len(queries) > 5
    assert promtool_takes(tmp_path, queries)
    assert {name for query in queries for name in names_in(query)} <= exposed_names()
    assert all(names_in(query) for query in queries)


def test_a_broken_query_and_an_unknown_metric_are_found(tmp_path: Path) -> None:
    assert not promtool_takes(tmp_path, ["sum(rate(canary_requests_total[1m])"])
    assert not names_in("sum(canary_request_total)") <= exposed_names()


def test_dashboards_are_named_apart_and_use_the_provisioned_source() -> None:
    parsed = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert len({board["uid"] for board in parsed}) == len(parsed) == 2
    provisioned = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml").read_text())
    [source] = provisioned["datasources"]
    for path in DASHBOARDS:
        assert set(re.findall(r'"type": "prometheus",\s*"uid": "([^"]+)"', path.read_text())) <= {source["uid"]}


def test_promtool_takes_the_configuration_and_its_rules() -> None:
    checked = run("promtool", "check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    rules = run("promtool", "check", "rules", "--lint-fatal", PROMETHEUS / "alerts.yml")
    assert rules.returncode == 0, rules.stdout + rules.stderr


def test_every_alert_fires_and_stays_quiet_when_it_should() -> None:
    done = run("promtool", "test", "rules", PROMETHEUS / "alerts_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_both_ways_and_asks_for_metrics_that_there_are() -> None:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    expected = [one for test in tests for one in test["alert_rule_test"]]
    assert {one["alertname"] for one in expected if one["exp_alerts"]} == set(rules)
    assert {one["alertname"] for one in expected if not one["exp_alerts"]} == set(rules)
    assert {name for rule in rules.values() for name in names_in(rule["expr"])} <= exposed_names()
    assert {rule["labels"]["severity"] for rule in rules.values()} <= {"critical", "warning"}


def test_a_rule_that_no_longer_fires_is_found(tmp_path: Path) -> None:
    shutil.copy(PROMETHEUS / "alerts_test.yml", tmp_path)
    text = (PROMETHEUS / "alerts.yml").read_text()
    (tmp_path / "alerts.yml").write_text(text.replace('up{job="tandem"} == 0', 'up{job="tandem"} == 2'))
    assert run("promtool", "test", "rules", tmp_path / "alerts_test.yml").returncode != 0


def test_prometheus_asks_each_web_process_for_itself() -> None:
    [job] = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["web-1:8000", "web-2:8000"]}]


# -- Kubernetes -------------------------------------------------------------------------------------------------------

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
