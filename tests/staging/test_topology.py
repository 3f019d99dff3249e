"""What the proxy lets through and what it keeps, and who is believed to be who."""

import re
import socket
import stat
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from scripts.staging_local.__main__ import told
from scripts.staging_local.ports import HOST
from scripts.staging_local.stack import WEBS
from tests.servers import HEAP
from tests.staging.site import Staging, eventually

ROOT = Path(__file__).parents[2]
FORGED = "203.0.113.9"
NEIGHBOUR = "127.0.0.5"  # another client of this machine
ON_LINUX = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's own tables")


def test_every_address_that_is_printed_answers(staging: Staging) -> None:
    urls = re.findall(r"http://\S+", told(staging.stack))
    assert len(urls) >= 9
    assert {url: httpx.get(url, timeout=30, follow_redirects=True).status_code for url in urls} == dict.fromkeys(
        urls, 200
    )


def test_both_web_processes_answer_through_the_proxy(staging: Staging) -> None:
    log = staging.stack.folder / "logs/nginx-access.log"
    before = len(log.read_text().splitlines())

    def answered() -> set[str]:
        staging.anonymous.get("/livez")
        lines = "\n".join(log.read_text().splitlines()[before:])
        return {name for name in WEBS if f"{HOST}:{staging.stack.ports[name]} " in lines}

    # One that an earlier test has killed is left alone for two seconds.
    eventually(lambda: answered() == {*WEBS}, "both have answered")


@pytest.mark.skipif(not hasattr(socket, "TCP_DEFER_ACCEPT"), reason="Linux keeps silent connections to itself")
def test_connections_that_send_nothing_take_no_thread_of_a_web_process(staging: Staging) -> None:
    """Each would keep one waiting for five seconds: 200 would hold 16 threads for a minute."""
    port = staging.stack.ports["web-1"]
    with ExitStack() as idle:
        for _ in range(200):
            idle.enter_context(socket.create_connection((HOST, port), timeout=20))
        assert httpx.get(f"{staging.stack.url_of('web-1')}/livez", timeout=20).status_code == 200


@pytest.mark.parametrize(
    "target", ["/metrics", "/metrics?x=1", "//metrics", "/%6detrics", "/./metrics", "/api/../metrics", "/metrics/"]
)
def test_metrics_are_closed_from_outside_however_they_are_spelled(staging: Staging, target: str) -> None:
    with socket.create_connection((HOST, staging.stack.ports["nginx"]), timeout=20) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.split(b" ", 2)[1] in (b"404", b"401")
    assert b"canary_" not in answer


def test_metrics_need_the_token_from_whoever_comes_through_a_proxy(staging: Staging) -> None:
    url = f"{staging.stack.url_of('web-1')}/metrics"
    handed_on = {"X-Forwarded-For": FORGED}
    token = {"Authorization": f"Bearer {staging.stack.secrets['METRICS_TOKEN']}"}
    assert httpx.get(url, timeout=60).status_code == 200
    assert httpx.get(url, headers=handed_on, timeout=60).status_code == 401
    assert httpx.get(url, headers={**handed_on, "Authorization": "Bearer wrong"}, timeout=60).status_code == 401
    assert httpx.get(url, headers={**handed_on, **token}, timeout=60).status_code == 200


def test_prometheus_reads_both_web_processes_and_knows_every_rule(staging: Staging) -> None:
    if staging.stack.processes.pid("prometheus") is None:
        pytest.skip("prometheus is not installed")
    url = staging.stack.url_of("prometheus")

    def up() -> list[str]:
        found = httpx.get(f"{url}/api/v1/query", params={"query": 'up{job="tandem"}'}, timeout=60).json()["data"][
            "result"
        ]
        return [one["value"][1] for one in found]

    eventually(lambda: up() == ["1", "1"], "both are read")
    groups = httpx.get(f"{url}/api/v1/rules", timeout=60).json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    declared = (ROOT / "deploy/prometheus/alerts.yml").read_text().count("- alert:")
    assert len(rules) == declared > 5
    eventually(
        lambda: all(
            rule["health"] == "ok"
            for group in httpx.get(f"{url}/api/v1/rules", timeout=60).json()["data"]["groups"]
            for rule in group["rules"]
        ),
        "every rule was evaluated",
    )


def test_the_admin_site_and_its_files_come_through_the_proxy(staging: Staging) -> None:
    with staging.client() as browser:
        page = browser.get("/admin/login/")
        files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))
        assert len(files) > 3
        assert {file: browser.get(file).status_code for file in files} == dict.fromkeys(files, 200)


def test_an_admin_signs_in_at_the_admin_site_and_goes_on_at_either_process(staging: Staging) -> None:
    with staging.client(follow_redirects=True) as browser:
        form = browser.get("/admin/login/?next=/admin/")
        [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text))
        fields = {"username": "staging_admin", "password": staging.stack.secrets["ADMIN_PASSWORD"], "next": "/admin/"}
        answer = browser.post("/admin/login/", data={**fields, "csrfmiddlewaretoken": token})
        assert (answer.status_code, answer.url.path) == (200, "/admin/")
        assert {browser.get("/admin/cms/post/").url.path for _ in range(6)} == {"/admin/cms/post/"}


def address_of(staging: Staging, user: dict[str, object]) -> str:
    """Where the application believes that this user registered from."""
    found = staging.admin.get("/api/v2/audit", params={"object": str(user["id"]), "action": "user.registered"}).json()
    return str(found["data"][0]["ip"])


@ON_LINUX
def test_the_client_is_who_the_proxy_says_and_not_who_the_client_says(staging: Staging) -> None:
    with staging.client(transport=httpx.HTTPTransport(local_address=NEIGHBOUR)) as neighbour:
        user = staging.register(
            neighbour, **{"X-Forwarded-For": FORGED, "X-Real-IP": FORGED, "Forwarded": f"for={FORGED}"}
        )
    assert address_of(staging, user) == NEIGHBOUR


@ON_LINUX
def test_nobody_but_the_proxy_is_believed(staging: Staging) -> None:
    transport = httpx.HTTPTransport(local_address=NEIGHBOUR)
    with httpx.Client(base_url=staging.stack.url_of("web-1"), transport=transport, timeout=30) as neighbour:
        user = staging.register(neighbour, **{"X-Forwarded-For": FORGED})
    assert address_of(staging, user) == NEIGHBOUR


def test_a_request_id_goes_all_the_way_and_comes_back(staging: Staging) -> None:
    answer = staging.anonymous.get("/api/v2/posts/none", headers={"X-Request-ID": "through-the-proxy-1"})
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "through-the-proxy-1"


def test_a_host_that_is_not_served_is_refused(staging: Staging) -> None:
    assert staging.anonymous.get("/api/v2", headers={"Host": "elsewhere.example"}).status_code == 400


def test_a_file_that_came_in_through_one_process_is_read_from_both(staging: Staging) -> None:
    text = b"A document of some size.\n" * 40_000  # a megabyte: more than the proxy keeps in memory
    made = staging.admin.post("/api/v2/media", files={"file": ("notes.txt", text, "text/plain")})
    assert made.status_code == 201, made.text
    path = f"/api/v2/media/{made.json()['id']}/content"
    headers = {"Authorization": staging.admin.headers["Authorization"]}
    for name in WEBS:
        assert httpx.get(staging.stack.url_of(name) + path, headers=headers, timeout=60).content == text


def test_what_has_not_changed_is_304_through_the_proxy(staging: Staging) -> None:
    first = staging.anonymous.get("/api/v2/tags")
    again = staging.anonymous.get("/api/v2/tags", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


@ON_LINUX
def test_everybody_listens_on_loopback_alone(staging: Staging) -> None:
    rows = [
        line.split()[1].split(":")
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    rows += [
        row.split()[1].split(":")
        for row in Path("/proc/net/tcp6").read_text().splitlines()[1:]
        if row.split()[3] == "0A"
    ]
    ours = {address for address, port in rows if int(port, 16) in staging.stack.ports.values()}
    assert ours == {"0100007F"}


@ON_LINUX
def test_every_process_allocates_as_in_the_image(staging: Staging) -> None:
    [setting] = re.findall(r"^ENV (GLIBC_TUNABLES=\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert f"export {setting}\n" in (ROOT / "scripts/run").read_text()
    assert [setting] == [f"{name}={value}" for name, value in HEAP.items()]
    for name in (*WEBS, "controller", "worker"):
        environment = Path(f"/proc/{staging.stack.processes.pid(name)}/environ").read_bytes()
        assert setting.encode() in environment.split(b"\0"), name


@ON_LINUX
def test_no_secret_is_on_a_command_line_or_readable_by_others(staging: Staging) -> None:
    secrets = [value.encode() for value in staging.stack.secrets.values()]
    for name in staging.stack.processes.names():
        command = Path(f"/proc/{staging.stack.processes.pid(name)}/cmdline").read_bytes()
        assert not [secret for secret in secrets if secret in command], name
    holders = [
        path
        for path in staging.stack.folder.rglob("*")
        if path.is_file() and path.name in ("secrets.env", "metrics_token")
    ]
    holders += staging.stack.place.rglob("metrics_token")
    assert holders
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}


def test_no_secret_is_in_a_log(staging: Staging) -> None:
    secrets = [*staging.stack.secrets.values(), staging.author_key]
    logs = {path.name: path.read_text(errors="replace") for path in (staging.stack.folder / "logs").iterdir()}
    assert len(logs) >= 7
    assert not [name for name, text in logs.items() if any(secret in text for secret in secrets)]
