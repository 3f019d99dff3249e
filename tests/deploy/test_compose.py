"""The compose file says what it should, by Compose's own parser and by our rules; each rule is shown to find a fault."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.deploy.tools import COMPOSE, ROOT, SERVICES, STAGING, run

SECRETS: Final = ("POSTGRES_PASSWORD", "SECRET_KEY", "METRICS_TOKEN", "GRAFANA_PASSWORD")
ONE_SHOT: Final = {"migrate", "locust"}

type Service = dict[str, Any]


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
