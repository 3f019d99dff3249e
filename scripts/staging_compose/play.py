"""The acts of the play, in their order: what an operator does with staging, each with what must be true afterwards.

An act raises PlayError or AssertionError when something is not as it should be, and returns a sentence about what it saw.
"""

import collections
import json
import os
import re
import struct
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from scripts.staging_compose.engine import Engine
from scripts.staging_compose.errors import PlayError
from scripts.staging_compose.shell import run
from scripts.staging_compose.stack import FILE, Stack, eventually
from scripts.staging_compose.visitors import Load, ask, status_of

UP_LIMIT_S: Final = 120
STANDS_STILL_LIMIT_S: Final = 30
CALM_S: Final = 5
"""Longer than nginx leaves a process alone and a connection may be tried, so that both have answered after it."""
CLIENTS: Final = 50
# At 50 %, fewer than 8 or more than 42 of 50 clients are answered by one version once in five million plays.
HALF: Final = range(8, 43)
BACKUP: Final = "/backups/play.tar"
LOCUST_RUNS: Final = ("docker", "ps", "--quiet", "--filter", "label=com.docker.compose.service=locust")
COUNTS: Final = (
    "SELECT (SELECT count(*) FROM cms_post), (SELECT count(*) FROM cms_user), (SELECT count(*) FROM cms_mediafile),"
    " (SELECT count(*) FROM django_migrations), (SELECT count(*) FROM canary_rolloutevent)"
)

type Act = Callable[[Stack, Engine], str]


def up(stack: Stack, _engine: Engine) -> str:
    began = time.monotonic()
    stack.compose("up", "--build", "--detach", "--wait")
    took = time.monotonic() - began
    assert took <= UP_LIMIT_S, f"{took:.0f} s from nothing, and {UP_LIMIT_S} are allowed"
    stack.make_admin()
    return f"{took:.0f} s from nothing, the image's build included"


def hardened(stack: Stack, _engine: Engine) -> str:
    containers = stack.containers()
    for service, each in containers.items():
        host, user = each["HostConfig"], each["Config"]["User"]
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["CapAdd"]) == (True, ["ALL"], None), service
        assert user.split(":")[0] not in ("", "0", "root"), service
        published = [bound for ports in (host["PortBindings"] or {}).values() for bound in ports]
        assert all(bound["HostIp"] == "127.0.0.1" for bound in published), service
    dangling = nameless_images() - stack.nameless_before
    assert not dangling, f"{len(dangling)} images without a name were left by the build"
    return f"{len(containers)} containers: no root, no capability, read-only, loopback ports; no image left over"


def second_up(stack: Stack, _engine: Engine) -> str:
    before, counts = stack.ids(), stack.sql(COUNTS)
    stack.compose("up", "--build", "--detach", "--wait")
    assert stack.ids() == before, "a second up replaced containers"
    assert stack.sql(COUNTS) == counts, f"a second up changed rows: {counts} became {stack.sql(COUNTS)}"
    return f"{len(before)} containers and all rows stay"


def endpoints(_stack: Stack, _engine: Engine) -> str:
    expected = {"/livez": 200, "/readyz": 200, "/metrics": 404, "/api/posts": 200, "/api/v1/posts": 200}
    expected |= {"/api/v2/posts": 200, "/admin/": 302, "/admin/login/": 200, "/": 200}
    assert {path: status_of(path) for path in expected} == expected
    _, _, page = ask("/admin/login/")
    static = {path.decode() for path in re.findall(rb'(?:href|src)="(/static/[^"?]+)', page)}
    assert {status_of(path) for path in static} == {200}, static
    assert status_of("/-/ready", 9090) == status_of("/api/health", 3000) == status_of("/", 8080) == 200
    return f"{len(expected)} paths and {len(static)} static files through nginx; Adminer, Prometheus and Grafana answer"


def metrics(_stack: Stack, _engine: Engine) -> str:
    def targets_are_up() -> bool:
        found = json.loads(ask("/api/v1/targets", port=9090)[2])["data"]["activeTargets"]
        return sorted((each["labels"]["instance"], each["health"]) for each in found) == [
            ("web-1:8000", "up"),
            ("web-2:8000", "up"),
        ]

    eventually(targets_are_up, "Prometheus reads both web processes", 30)
    groups = json.loads(ask("/api/v1/rules", port=9090)[2])["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["health"] for rule in rules} == {"ok"}
    return f"both targets up by the token, {len(rules)} rules"


def media(stack: Stack, _engine: Engine) -> str:
    boundary = b"play"
    head = b'--play\r\nContent-Disposition: form-data; name="alt_text"\r\n\r\nA square\r\n--play\r\n'
    head += b'Content-Disposition: form-data; name="file"; filename="square.png"\r\nContent-Type: image/png\r\n\r\n'
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"}
    status, body = stack.as_admin("/api/v2/media", "POST", head + _png() + b"\r\n--play--\r\n", kind)
    assert status == 201, (status, body[:300])
    made = json.loads(body)["id"]
    [(status, _)] = {stack.as_admin(f"/api/v2/media/{made}/content") for _ in range(6)}
    assert status == 200
    path = f"/api/v2/media/{made}/renditions/square-160"
    took = eventually(lambda: stack.as_admin(path)[0] == 200, "the worker makes a rendition", 60)
    return f"uploaded, read from both processes, a rendition by the worker after {took:.1f} s"


def rollout(stack: Stack, _engine: Engine) -> str:
    seen = {}
    for percent in (0, 50, 100):
        stack.set_weight(percent)
        first = _versions()
        assert _versions() == first, "a client changed its version at the same weight"
        seen[percent] = collections.Counter(first.values())["2"]
    assert (seen[0], seen[50] in HALF, seen[100]) == (0, True, CLIENTS), seen
    stack.change("rollback")
    stack.await_weight(0)
    assert set(_versions().values()) == {"1"}
    stack.change("ack")
    return f"of {CLIENTS} clients {seen[0]}, {seen[50]} and {seen[100]} are answered by v2, none after the rollback"


def kill_and_return(stack: Stack, _engine: Engine) -> str:
    """While one is away the other one answers alone, so each is seen to get requests again after its return."""
    with Load() as load:
        for name in ("web-1", "web-2", "web-1"):
            run(["docker", "kill", stack.ids()[name]])
            time.sleep(2)
            assert not load.unanswered(kills=3), f"{name} was killed: {load}"
            stack.compose("up", "--detach", "--no-deps", "--wait", name)
    assert not load.unanswered(kills=3), str(load)
    return str(load)


def crash(stack: Stack, _engine: Engine) -> str:
    with Load() as load:
        _signal(stack.containers()["web-1"], "KILL")
        eventually(lambda: stack.containers()["web-1"]["RestartCount"] == 1, "the engine restarts web-1", 30)
        stack.await_healthy()
    assert not load.unanswered(kills=1), str(load)
    return f"restarted by the engine; {load}"


def postgres_restart(stack: Stack, _engine: Engine) -> str:
    restarts = _restarts(stack)
    with Load(paths=("/api/v1/posts", "/api/v2/posts", "/livez")) as load:
        stack.compose("restart", "postgres")
        back_at = load.seconds()
        eventually(lambda: load.calm_s() > CALM_S, f"{CALM_S} s without a failure", 30)
        took = max(0.0, load.seconds() - load.calm_s() - back_at)
    assert {status for _, _, status in load.failed} <= {503}, str(load)
    stack.await_healthy()
    assert _restarts(stack) == restarts, "a process ended with the database"
    return f"the last of {len(load.failed)} failures, all of them 503, began {took:.1f} s after its return"


def redis_restart(stack: Stack, _engine: Engine) -> str:
    with Load() as load:
        stack.compose("restart", "redis")
        time.sleep(3)
    assert not load.failed, str(load)
    stack.await_healthy()
    return str(load)


def stand_still_under_load(stack: Stack, _engine: Engine) -> str:
    """Readers do not notice that worker and controller stand still; the health checks do.

    A paused process is what a hung one looks like from outside. The load is the compose file's profile.
    """
    with ThreadPoolExecutor() as pool:
        locust = pool.submit(_load_profile, stack)
        eventually(lambda: run([*LOCUST_RUNS]).strip(), "Locust runs", 60)
        background = {name: stack.containers()[name] for name in ("worker", "controller")}
        began = time.monotonic()
        for container in background.values():
            _signal(container, "STOP")
        try:
            for name in background:
                eventually(lambda name=name: stack.health(name) == "unhealthy", f"{name} is unhealthy", 60)  # type: ignore[misc]
            took = time.monotonic() - began
        finally:
            for container in background.values():
                _signal(container, "CONT")
        assert took <= STANDS_STILL_LIMIT_S, f"{took:.0f} s until both are unhealthy"
        healthy = stack.await_healthy()
        return f"unhealthy after {took:.0f} s, healthy again after {healthy:.0f} s; Locust: {locust.result()}"


def backup_and_restore(stack: Stack, _engine: Engine) -> str:
    stack.manage("backup", BACKUP, service="worker")
    counts = stack.sql(COUNTS)
    # The drill: into a database of its own, while everything serves.
    stack.compose("exec", "-T", "postgres", "createdb", "-U", "cms_user", "drill")
    drill = "export DATABASE_URL=${DATABASE_URL%/*}/drill MEDIA_ROOT=/backups/drill TMPDIR=/backups"
    drill += f"; python3 manage.py restore {BACKUP}; rm -rf /backups/drill"
    stack.compose("run", "--rm", "--no-deps", "-T", "worker", "sh", "-ec", drill)
    assert stack.sql(COUNTS, "drill") == counts, f"{counts} became {stack.sql(COUNTS, 'drill')}"
    stack.compose("exec", "-T", "postgres", "dropdb", "-U", "cms_user", "drill")
    # For real: what was written since the backup is gone, what was there is back.
    assert stack.write_post() == 201
    stack.compose("stop", "nginx", "web-1", "web-2", "controller", "worker")
    restore = ("python3", "manage.py", "restore", "--force", BACKUP)
    stack.compose("run", "--rm", "--no-deps", "-T", "-e", "TMPDIR=/backups", "worker", *restore)
    stack.compose("up", "--detach", "--wait")
    assert stack.sql(COUNTS) == counts, f"{counts} became {stack.sql(COUNTS)}"
    stack.sign_in()
    return f"into a drill's database and over the live one: {counts} (posts, users, files, migrations, events)"


def readiness(stack: Stack, _engine: Engine) -> str:
    said = stack.manage_json("readiness", "--url", "http://nginx:8000")
    no = [item for item in said["items"] if not item["ok"]]
    assert (said["ok"], no) == (True, [])
    return f"{len(said['items'])} items, all yes"


def upgrade(stack: Stack, _engine: Engine) -> str:
    """To an image with another migration, and back to the image of before."""
    latest = max((stack.root / "cms/migrations").glob("[0-9]*.py")).stem
    (stack.root / "cms/migrations/9999_upgraded.py").write_text(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        f'    dependencies = [("cms", "{latest}")]\n    operations = []\n'
    )
    told = []
    before = _image_of(stack)
    for words in ((), ("--previous",)):
        posts, began = int(stack.sql("SELECT count(*) FROM cms_post")), time.monotonic()
        with Load(write=stack.write_post) as load:
            stack.upgrade(*words)
        assert not load.failed, f"upgrade {' '.join(words)}: {load}"
        assert int(stack.sql("SELECT count(*) FROM cms_post")) == posts + load.written, "a write was lost"
        told.append(f"{' '.join(words) or 'new image'} in {time.monotonic() - began:.0f} s: {load}")
        images = _image_of(stack)
        assert (len(images), images == before) == (1, bool(words)), f"{words}: {before}, then {images}"
        assert stack.all_healthy()
    assert stack.sql("SELECT count(*) FROM django_migrations WHERE name = '9999_upgraded'") == "1"
    return "; ".join(told)


def engine_restart(stack: Stack, engine: Engine) -> str:
    if not engine.restart():
        return "NOT PLAYED: RESTART_ENGINE does not say how this machine restarts its engine"
    took = stack.await_healthy()
    nginx = stack.containers()["nginx"]["NetworkSettings"]["Networks"]["cms-staging-network"]["IPAddress"]
    assert nginx == "172.30.77.10", nginx
    eventually(lambda: status_of("/readyz") == 200, "nginx answers", 10)
    return f"every container healthy {took:.0f} s later"


def down_and_up(stack: Stack, _engine: Engine) -> str:
    counts = stack.sql(COUNTS)
    stack.compose("down")
    stack.compose("up", "--detach", "--wait")
    assert stack.sql(COUNTS) == counts, f"{counts} became {stack.sql(COUNTS)}"
    stack.sign_in()
    return f"{counts} (posts, users, files, migrations, events) before and after"


ACTS: Final[tuple[Act, ...]] = (
    *(up, hardened, second_up, endpoints, metrics, media, rollout, kill_and_return, crash),
    *(postgres_restart, redis_restart, stand_still_under_load, backup_and_restore, readiness, upgrade),
    *(engine_restart, down_and_up),
)


def _load_profile(stack: Stack) -> str:
    """Locust ends with an error when a request fails, or a version flips."""
    command = f"docker compose -f {FILE} --profile load run --rm --no-deps -T locust 2>&1"
    printed = run(["sh", "-c", command], cwd=stack.root)
    [(requests, failures), *_] = reversed(re.findall(r"Aggregated\s+(\d+)\s+(\d+)\(", printed))
    return f"{requests} requests, {failures} failed"


def _versions() -> dict[int, str]:
    return {
        n: ask("/api/posts", headers={"X-Client-Id": f"play-{n}"})[1].get("API-Version", "") for n in range(CLIENTS)
    }


def _signal(container: dict[str, Any], name: str) -> None:
    """Signal the first process from outside: the engine would take a `docker kill` for an operator's wish.

    Raise PlayError where the number belongs to a process of another machine, such as Docker Desktop's.
    """
    pid = container["State"]["Pid"]
    groups = Path(f"/proc/{pid}/cgroup")
    if not groups.exists() or container["Id"] not in groups.read_text():
        raise PlayError("The engine's processes are not this machine's, so none of them can be signalled.")
    run([*(["sudo", "-n"] if os.geteuid() else []), "kill", f"-{name}", str(pid)])


def nameless_images() -> set[str]:
    return set(run(["docker", "images", "--quiet", "--no-trunc", "--filter", "dangling=true"]).split())


def _restarts(stack: Stack) -> dict[str, int]:
    return {name: each["RestartCount"] for name, each in stack.containers().items() if name != "postgres"}


def _image_of(stack: Stack) -> set[str]:
    containers = stack.containers()
    return {containers[name]["Image"] for name in ("web-1", "web-2", "controller", "worker")}


def _png(size: int = 8) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes(3 * size) for _ in range(size)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def image_names(root: Path) -> list[str]:
    """Return the images that the compose file and the Dockerfile take from a registry."""
    listed = run(["docker", "compose", "-f", FILE, "--profile", "load", "config", "--images"], cwd=root).split()
    [base] = re.findall(r"^ARG BASE=(\S+)$", (root / "Dockerfile").read_text(), re.MULTILINE)
    return sorted({name for name in listed if not name.startswith("tandem:")} | {str(base)})
