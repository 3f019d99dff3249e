"""The compose file says what it should, by Compose's own parser and by our rules; each rule is shown to find a fault."""

import copy
import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.deploy.tools import COMPOSE, ROOT, SERVICES, STAGING, run

SECRETS: Final = ("POSTGRES_PASSWORD", "SECRET_KEY", "METRICS_TOKEN", "GRAFANA_PASSWORD")
ONE_SHOT: Final = {"migrate", "locust"}
BACKGROUND: Final = ("controller", "worker")
STALL_LIMIT_S: Final = 30
NETWORK: Final = "cms-staging-network"
NGINX: Final = ROOT / "deploy/nginx/staging.conf"
# `readiness` asks for these in `deploy_settings` and `backups`.
ASKED_BY_READINESS: Final = {"HSTS_S", "EMAIL_URL", "ADMIN_URL", "BACKUP_DIR"}
SECRET_KEY_LENGTH: Final = 50

type Service = dict[str, Any]


def faults_of(name: str, service: Service) -> set[str]:
    """Return a word for each fault of a service of the compose file."""
    health = service.get("healthcheck", {})
    is_ours = service.get("image") == "tandem:staging"
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
        # Compose cannot write a secret from the environment below a read-only root: the container stays `Created`.
        "secret": bool(service.get("secrets")),
        # A mount of one file keeps the file of before when git replaces it.
        "mount": any(
            volume.startswith("./") and (ROOT / volume.split(":")[0]).is_file() for volume in mounts_of(service)
        ),
        # Each service that builds the tag makes an image, of which all but one are left without a name.
        "pull": is_ours and service.get("pull_policy") != "never",
        "django": "manage.py" in str(health.get("test")),
        "stalls": name in BACKGROUND and not notices_a_stall(service),
    }
    return {word for word, is_wrong in wrong.items() if is_wrong}


def mounts_of(service: Service) -> list[str]:
    return [str(volume) for volume in service.get("volumes", [])]


def notices_a_stall(service: Service) -> bool:
    """Whether the check looks at the file that the command's loop touches, and says unhealthy within 30 s."""
    health, command = service["healthcheck"], service["command"]
    if "--heartbeat" not in command:
        return False
    file = command[command.index("--heartbeat") + 1]
    ages = re.findall(rf"find {re.escape(file)} -mmin -([\d.]+)", str(health["test"]))
    seconds = [int(str(health[name]).removesuffix("s")) for name in ("interval", "timeout")]
    # The age, then `retries` failures, each an interval after the one before; the last may take its timeout.
    return len(ages) == 1 and 60 * float(ages[0]) + health["retries"] * seconds[0] + seconds[1] <= STALL_LIMIT_S


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
        ("secret", lambda service: service.update(secrets=["metrics_token"])),
        ("mount", lambda service: service.update(volumes=["./deploy/nginx/staging.conf:/etc/site.conf:ro"])),
        ("pull", lambda service: service.update(image="tandem:staging", build=".")),
        ("django", lambda service: service["healthcheck"].update(test="python3 manage.py canary status")),
    ],
    ids=lambda value: value if isinstance(value, str) else "planted",
)
def test_a_planted_fault_of_a_service_is_found(fault: str, plant: Callable[[Service], object]) -> None:
    service = copy.deepcopy(SERVICES["redis"])
    plant(service)
    assert faults_of("redis", service) == {fault}


@pytest.mark.parametrize(
    "plant",
    [
        lambda worker: worker.update(command=["python3", "manage.py", "run_worker"]),
        lambda worker: worker["command"].__setitem__(-1, "/tmp/elsewhere"),
        lambda worker: worker["healthcheck"].update(test='test -n "$(find /tmp/heartbeat -mmin -1)"'),
        lambda worker: worker["healthcheck"].update(interval="15s"),
    ],
    ids=["no heartbeat", "another file", "a minute old", "asked too rarely"],
)
def test_a_check_that_does_not_notice_a_stall_is_found(plant: Callable[[Service], object]) -> None:
    worker = copy.deepcopy(SERVICES["worker"])
    plant(worker)
    assert faults_of("worker", worker) == {"stalls"}


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


def addresses() -> dict[str, str]:
    """The fixed addresses, by service."""
    networks = {name: service["networks"] for name, service in SERVICES.items()}
    return {name: found[NETWORK]["ipv4_address"] for name, found in networks.items() if isinstance(found, dict)}


def test_no_fixed_address_can_be_given_to_another_container() -> None:
    """After a restart of the engine the first to start took nginx's address, and nginx stayed down."""
    [pool] = STAGING["networks"][NETWORK]["ipam"]["config"]
    given_out, subnet = ipaddress.ip_network(pool["ip_range"]), ipaddress.ip_network(pool["subnet"])
    fixed = [ipaddress.ip_address(address) for address in [pool["gateway"], *addresses().values()]]
    assert given_out.subnet_of(subnet)
    assert all(address in subnet and address not in given_out for address in fixed)
    assert len(set(fixed)) == len(fixed)


def test_nginx_finds_a_web_process_that_came_back() -> None:
    """nginx looks a name up once: it has to lead to a fixed address, whether the process is there or not."""
    named = set(re.findall(r"server ([\w-]+):8000", NGINX.read_text()))
    assert named == {"web-1", "web-2"}
    assert set(SERVICES["nginx"]["extra_hosts"]) == {f"{name}:{addresses()[name]}" for name in named}


def test_one_service_builds_the_image_that_all_of_ours_run() -> None:
    ours = {name for name, service in SERVICES.items() if service["image"] == "tandem:staging"}
    assert ours == {"migrate", "web-1", "web-2", *BACKGROUND}
    assert [name for name in sorted(ours) if "build" in SERVICES[name]] == ["web-1"]


def test_readiness_can_say_yes_in_staging() -> None:
    for name in ("web-1", "web-2", *BACKGROUND, "migrate"):
        assert SERVICES[name]["environment"].keys() >= ASKED_BY_READINESS
        place = f"cms-staging-backups:{SERVICES[name]['environment']['BACKUP_DIR']}"
        assert place + ("" if name == "worker" else ":ro") in SERVICES[name]["volumes"]
    lengths = set(re.findall(r"at least (\d+) characters", COMPOSE.read_text()))
    assert lengths == {str(SECRET_KEY_LENGTH)}


def test_prometheus_gets_its_token_in_memory_and_nothing_else_reads_it() -> None:
    prometheus = SERVICES["prometheus"]
    file = re.findall(r"credentials_file: (\S+)", (ROOT / "deploy/prometheus/prometheus.yml").read_text())[0]
    assert prometheus["tmpfs"] == [f"{Path(file).parent}:uid=65534,gid=65534,mode=0700"]
    assert f'umask 077; printf %s "$$METRICS_TOKEN" >{file};' in prometheus["entrypoint"][2]


def test_the_upgrade_leaves_a_web_process_out_by_a_file_that_nginx_looks_for() -> None:
    text = NGINX.read_text() + (NGINX.parent / "tandem/server.conf").read_text()
    upstreams = dict(re.findall(r"^upstream (\S+) \{ server (\S+):8000; \}$", text, re.MULTILINE))
    assert upstreams == {"only-web-1": "web-1", "only-web-2": "web-2"}
    left_out = dict(re.findall(r"if \(-f (\S+)\) \{ set \$upstream (\S+); \}", text))
    assert {Path(file).name: upstreams[name] for file, name in left_out.items()} == {
        "without-web-1": "web-2",
        "without-web-2": "web-1",
    }
    script = (ROOT / "deploy/compose/upgrade").read_text()
    assert {f"{Path(file).parent}/without-$1" in script for file in left_out} == {True}
    assert f"{Path(next(iter(left_out))).parent}:uid=101,gid=101,mode=0700" in SERVICES["nginx"]["tmpfs"]


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
