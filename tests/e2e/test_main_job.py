"""The main job over real HTTP: a hashed client gets the same real post from v1 or v2, through the canary."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.databases import process_env
from tests.servers import ServerError, manage, serve
from tests.slow import slow, slow_unless

PASSWORD = "tandem-demo-2026"
CLIENTS = [f"c{i}" for i in range(1_000)]


def versions(base_url: str, clients: list[str]) -> dict[str, str]:
    """Which version answers each client on the entrance."""
    with httpx.Client(base_url=base_url, timeout=30) as http, ThreadPoolExecutor(8) as pool:

        def ask(client: str) -> str:
            response = http.get("/api/posts?limit=1", headers={"X-Client-Id": client})
            assert response.status_code == 200, response.text
            return response.headers["API-Version"]

        return dict(zip(clients, pool.map(ask, clients), strict=True))


def test_half_of_a_thousand_clients_are_on_v2_each_always_the_same(sqlite_env: dict[str, str]) -> None:
    """450..550 is what was promised; with the tests' fixed secret key the split is the same in every run."""
    with serve({**sqlite_env, "API_V2_TRAFFIC_PERCENTAGE": "50"}, threads=8) as server:
        first = versions(server.base_url, CLIENTS)
        assert 450 <= list(first.values()).count("2") <= 550
        again = versions(server.base_url, CLIENTS[:200])
        assert again == {client: first[client] for client in again}


@pytest.mark.slow
def test_shares_nest_and_the_edges_are_exact(sqlite_env: dict[str, str]) -> None:
    clients = CLIENTS[:200]
    on_v2 = {}
    for percent in ("0", "10", "50", "90", "100"):
        with serve({**sqlite_env, "API_V2_TRAFFIC_PERCENTAGE": percent}) as server:
            answers = versions(server.base_url, clients)
            on_v2[percent] = {client for client, version in answers.items() if version == "2"}
    assert on_v2["0"] == set()
    assert on_v2["10"] < on_v2["50"] < on_v2["90"] < on_v2["100"] == set(clients)


@pytest.fixture(scope="module")
def http(env: dict[str, str]) -> Iterator[httpx.Client]:
    with (
        serve({**env, "API_V2_TRAFFIC_PERCENTAGE": "50"}) as server,
        httpx.Client(base_url=server.base_url, timeout=30) as client,
    ):
        yield client


def listed(http: httpx.Client, version: str) -> dict[str, Any]:
    body = http.get("/api/posts?limit=50", headers={"API-Version": version}).json()
    posts = body["data"]["items"] if version == "1" else body["data"]
    return {post["id"]: post for post in posts}


def test_both_versions_list_the_same_real_posts(http: httpx.Client) -> None:
    v1, v2 = listed(http, "1"), listed(http, "2")
    assert v1.keys() == v2.keys()
    assert len(v1) >= 30
    for post_id, post in v1.items():
        assert (post["title"], post["content"]) == (v2[post_id]["title"], v2[post_id]["content"])


def test_the_content_location_answers_what_the_entrance_answered(http: httpx.Client) -> None:
    for version in ("1", "2"):
        entrance = http.get("/api/tags?limit=3", headers={"API-Version": version})
        pinned = http.get(entrance.headers["Content-Location"])
        assert pinned.headers["API-Version"] == version
        assert pinned.json() == entrance.json()


def test_a_token_of_either_version_works_on_both_and_so_does_what_it_wrote(http: httpx.Client) -> None:
    credentials = {"email": "author@example.com", "password": PASSWORD}
    v1_token = http.post("/api/v1/auth/login", json=credentials).json()["data"]["tokens"]["access_token"]
    v2_token = http.post("/api/v2/auth/token", json=credentials).json()["access_token"]
    for token in (v1_token, v2_token):
        headers = {"Authorization": f"Bearer {token}"}
        by_v2 = http.post("/api/v2/posts", headers=headers, json={"title": "By v2", "content": "x", "tags": ["both"]})
        by_v1 = http.post("/api/v1/posts", headers=headers, json={"title": "By v1", "content": "x", "tags": ["both"]})
        assert (by_v1.status_code, by_v2.status_code) == (201, 201)
        read_by_v1 = http.get(f"/api/v1/posts/{by_v2.json()['id']}", headers=headers)
        read_by_v2 = http.get(f"/api/v2/posts/{by_v1.json()['data']['id']}", headers=headers)
        assert read_by_v1.json()["data"]["title"] == "By v2"
        assert read_by_v2.json()["title"] == "By v1"
        assert http.get(f"/api/v2/posts/{by_v2.json()['id']}").status_code == 404  # a draft, to anyone else


def test_the_user_of_a_token_decides_on_every_device(http: httpx.Client) -> None:
    token = http.post(
        "/api/v2/auth/token", json={"email": "editor@example.com", "password": PASSWORD}, headers={"API-Version": "2"}
    ).json()["access_token"]
    answers = [
        httpx.get(
            f"{http.base_url}/api/posts",
            headers={"Authorization": f"Bearer {token}", "X-Client-Id": device},
            timeout=60,
        )
        for device in ("phone", "laptop", "tablet", "c1", "c2", "c3", "c4", "c5")
    ]
    assert len({answer.headers["API-Version"] for answer in answers}) == 1


def test_the_reason_is_shown_to_an_admin_who_asks_and_to_nobody_else(http: httpx.Client) -> None:
    shown = []
    for name in ("admin", "editor"):
        credentials = {"email": f"{name}@example.com", "password": PASSWORD}
        token = http.post("/api/v2/auth/token", json=credentials).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "X-Canary-Debug": "1"}
        shown.append(http.get("/api/me", headers={**headers, "API-Version": "2"}).headers.get("X-Canary-Reason"))
    assert shown == ["header", None]


def test_a_login_to_the_admin_site_makes_the_user_the_identity_and_logout_drops_it(http: httpx.Client) -> None:
    with httpx.Client(base_url=http.base_url, follow_redirects=False, timeout=60) as browser:
        browser.get("/admin/login/")
        form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        login = browser.post("/admin/login/?next=/admin/", data=form)
        assert login.status_code == 302, login.text
        assert browser.cookies["canary_id"].startswith("user.")
        browser.post("/admin/logout/", data={"csrfmiddlewaretoken": browser.cookies["csrftoken"]})
        assert "canary_id" not in browser.cookies


def test_with_debug_on_both_versions_answer_errors_in_their_own_shape(sqlite_env: dict[str, str]) -> None:
    env = {
        **sqlite_env,
        "DEBUG": "true",
        "API_V2_TRAFFIC_PERCENTAGE": "0",
    }  # another test of the session leaves its own
    with serve(env) as server, httpx.Client(base_url=server.base_url, timeout=60) as http:
        for path in ("/api/v1/nowhere", "/api/nowhere"):
            response = http.get(path)
            assert response.status_code == 404
            assert set(response.json()) == {"success", "data", "message", "error"}
        response = http.get("/api/v2/nowhere")
        assert (response.status_code, response.headers["Content-Type"]) == (404, "application/problem+json")
        assert http.post("/api/v1/auth/login", content="{").json()["success"] is False
        broken = http.post("/api/v2/auth/token", content="{", headers={"Content-Type": "application/json"})
        assert broken.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "value", [slow_unless(value == "101", value) for value in ("abc", "101", "-1", "50%", "1e1", "12.345", " 50", "٥٠")]
)
def test_a_percentage_that_means_nothing_stops_the_server_with_a_sentence(
    sqlite_env: dict[str, str], value: str
) -> None:
    with pytest.raises(ServerError) as stopped, serve({**sqlite_env, "API_V2_TRAFFIC_PERCENTAGE": value}):
        pytest.fail("the server came up")
    assert f"API_V2_TRAFFIC_PERCENTAGE={value!r} is not valid: use a number from 0 to 100" in str(stopped.value)
    assert "Traceback" not in str(stopped.value)


def test_versions_out_of_service_answer_so(sqlite_env: dict[str, str]) -> None:
    with serve({**sqlite_env, "USE_LEGACY_API_V1": "false"}) as server:
        assert httpx.get(f"{server.base_url}/api/v1/posts", timeout=60).status_code == 410
        assert httpx.get(f"{server.base_url}/api/posts", timeout=60).headers["API-Version"] == "2"
    with serve({**sqlite_env, "API_V2_ENABLED": "0", "API_V2_TRAFFIC_PERCENTAGE": "100"}) as server:
        assert httpx.get(f"{server.base_url}/api/v2/posts", timeout=60).status_code == 404
        assert httpx.get(f"{server.base_url}/api/posts", timeout=60).headers["API-Version"] == "1"


@pytest.mark.parametrize("debug", [slow("true"), "false"])
def test_a_host_that_is_not_served_is_refused_in_the_shape_of_the_version(
    sqlite_env: dict[str, str], debug: str
) -> None:
    with serve({**sqlite_env, "DEBUG": debug}) as server, httpx.Client(base_url=server.base_url, timeout=60) as http:
        for host in ("evil.example", "a:b@c"):
            v1 = http.get("/api/v1/posts", headers={"Host": host})
            assert (v1.status_code, v1.json()["error"]) == (400, "Bad request")
            v2 = http.get("/api/v2/posts", headers={"Host": host})
            assert (v2.status_code, v2.headers["Content-Type"]) == (400, "application/problem+json")
        assert "Traceback" not in server.log


@pytest.mark.slow
def test_a_chunked_body_is_read(http: httpx.Client) -> None:
    token = http.post("/api/v2/auth/token", json={"email": "author@example.com", "password": PASSWORD}).json()
    headers = {"Authorization": f"Bearer {token['access_token']}", "Content-Type": "application/json"}
    for path in ("/api/v1/posts", "/api/v2/posts"):
        chunks = iter([b'{"title": "In pie', b'ces", "content": "x"}'])
        assert http.post(path, headers=headers, content=chunks).status_code == 201


@pytest.mark.slow
def test_content_at_its_limit_arrives_however_it_is_written(http: httpx.Client) -> None:
    token = http.post("/api/v2/auth/token", json={"email": "author@example.com", "password": PASSWORD}).json()
    headers = {"Authorization": f"Bearer {token['access_token']}", "Content-Type": "application/json"}
    body = json.dumps({"title": "Long", "content": "\N{BABY CHICK}" * 1_000_000})  # twelve bytes a character
    for path in ("/api/v1/posts", "/api/v2/posts"):
        assert http.post(path, headers=headers, content=body).status_code == 201


def test_signing_out_of_an_api_drops_the_cookie(http: httpx.Client) -> None:
    with httpx.Client(base_url=http.base_url, timeout=60) as browser:
        credentials = {"email": "editor@example.com", "password": PASSWORD}
        token = browser.post("/api/v2/auth/token", json=credentials).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        browser.get("/api/posts", headers=headers)
        assert browser.cookies["canary_id"].startswith("user.")
        assert browser.post("/api/auth/logout", headers=headers).status_code in (200, 204)
        assert "canary_id" not in browser.cookies


def test_an_admin_who_is_signed_in_to_the_site_sees_the_reason_too(http: httpx.Client) -> None:
    with httpx.Client(base_url=http.base_url, timeout=60) as browser:
        browser.get("/admin/login/")
        form = {"username": "admin", "password": PASSWORD, "csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        browser.post("/admin/login/?next=/admin/", data=form)
        answer = browser.get("/api/posts?limit=1", headers={"X-Canary-Debug": "1"})
        assert answer.headers["X-Canary-Reason"] == "bucket"


@pytest.mark.parametrize("command", [["migrate"], ["seed"], ["import_content", "."]])
def test_a_database_that_cannot_be_used_is_one_sentence(command: list[str]) -> None:
    done = manage(*command, env=process_env("sqlite:////nonexistent/x.sqlite3"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
