"""What a whole site writes to its logs: every request as one line of JSON, and not one secret of anybody."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.databases import copied_database, process_env
from tests.live.answers import created, ok
from tests.live.site import PASSWORD, Site, open_site
from tests.receivers import receiving
from tests.servers import free_port, manage, serve
from tests.session import ENGINES

pytestmark = pytest.mark.slow  # tests/cms/http/test_logs.py asks the same of single lines

WRONG_PASSWORD = "a pass-phrase that was mistyped"
SEARCHED = "what-somebody-looks-for"
BROKEN_BODY = '{"password": "in-a-broken-body'
COOKIE = "a-cookie-of-somebody-else"


@pytest.fixture(scope="module")
def story(
    template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, list[str], str]]:
    """A site that much has happened on, the secrets that came up, and what its worker wrote."""
    folder = tmp_path_factory.mktemp("story")
    redis_url = ENGINES.redis_url_for(os.environ.get("PYTEST_XDIST_WORKER", "master")) or ""
    with copied_database(template_of("postgresql"), folder) as url, receiving() as receiver:
        env = process_env(url, REDIS_URL=redis_url, MEDIA_ROOT=str(folder / "media"), WEBHOOKS_ALLOW_PRIVATE="true")
        env |= {
            "EMAIL_URL": f"smtp://mailer:the-smtp-word@127.0.0.1:{free_port()}",
            "METRICS_TOKEN": "the-metrics-word",
        }
        with serve(env) as server, open_site(server, env) as site:
            secrets = [*act(site), *webhooks(site, receiver.port), *site.tokens.values()]
            worked = manage("run_worker", "--once", env=env)
            assert worked.returncode == 0, worked.stderr
            secrets += ["the-smtp-word", "the-metrics-word", env["SECRET_KEY"], PASSWORD, WRONG_PASSWORD]
            yield site, secrets, worked.stdout + worked.stderr


def act(site: Site) -> list[str]:
    """Credentials used and misused on both versions; which secrets came up."""
    who = {"email": "the_author@example.org", "password": PASSWORD}
    pair = ok(site.anonymous.post("/auth/token", json=who))
    site.anonymous.post("/auth/token", json={**who, "password": WRONG_PASSWORD})
    pair_2 = ok(site.anonymous.post("/auth/token/refresh", json={"refresh_token": pair["refresh_token"]}))
    key = created(
        site.people["author"].post("/api-keys", json={"name": "a key", "scopes": ["posts:read"]}), "api-keys"
    )["secret"]
    post = created(site.people["author"].post("/posts", json={"title": "A draft", "content": "x"}), "posts")
    preview = ok(site.people["author"].post(f"/posts/{post['id']}/actions/preview"))["url"]
    shown = [
        httpx.get(preview, timeout=60),
        httpx.get(f"{preview}x", timeout=60),
        httpx.get(preview, headers={"Host": "elsewhere.example.org"}, timeout=60),
    ]
    assert [answer.status_code for answer in shown] == [200, 404, 400]
    site.anonymous.post("/auth/password-reset", json={"email": who["email"]})
    site.anonymous.post("/auth/password-reset/confirm", json={"token": "a-reset-token", "password": PASSWORD})
    for headers in ({"X-API-Key": key}, {"X-API-Key": f"{key}x"}, {"Authorization": "Bearer a-made-up-token"}):
        for path in ("/api/v1/posts", "/api/posts", "/api/v2/posts", "/api/v2/nowhere"):
            httpx.get(
                f"{site.server.base_url}{path}",
                headers=headers,
                params={"q": SEARCHED, "token": "in-a-query"},
                timeout=60,
            )
    for path in ("/api/v1/auth/login", "/api/v2/auth/token", "/admin/login/"):
        headers = {"Content-Type": "application/json", "Cookie": f"sessionid={COOKIE}; csrftoken={COOKIE}"}
        httpx.post(f"{site.server.base_url}{path}", content=BROKEN_BODY, headers=headers, timeout=60)
    token = preview.rpartition("/")[2]
    tokens = [pair["access_token"], pair["refresh_token"], pair_2["access_token"], pair_2["refresh_token"], key, token]
    return [*tokens, "a-reset-token", "a-made-up-token", "in-a-query", SEARCHED, "in-a-broken-body", COOKIE]


def webhooks(site: Site, port: int) -> list[str]:
    """One that arrives and one that nobody receives; their secrets are in their addresses too."""
    found = []
    for number in (port, free_port()):
        body = {"url": f"http://127.0.0.1:{number}/a-secret-path?key=a-secret-key", "events": ["*"]}
        found.append(created(site.people["admin"].post("/webhooks", json=body), "webhooks")["secret"])
    created(site.people["author"].post("/posts", json={"title": "Told of", "content": "x"}), "posts")
    return [*found, "a-secret-path", "a-secret-key"]


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_no_secret_is_in_what_the_site_and_its_worker_have_written(story: tuple[Site, list[str], str]) -> None:
    site, secrets, worker = story
    assert "delivered" in worker
    assert len({*secrets}) > 20
    for secret in secrets:
        assert len(secret) > 8
        assert secret not in site.server.log, secret
        assert secret not in worker, secret


def test_all_that_is_written_is_json_but_what_gunicorn_says_of_itself(story: tuple[Site, list[str], str]) -> None:
    site, _, worker = story
    others = [line for line in site.server.log.splitlines() if not line.startswith(("{", "["))]
    assert not others
    assert len(lines_of(worker)) == len(worker.splitlines())


def test_each_request_is_found_again_by_its_id(story: tuple[Site, list[str], str]) -> None:
    site = story[0]
    answers = [site.people["author"].get("/me"), site.anonymous.get("/posts"), site.anonymous.get("/nowhere")]
    for answer in answers:
        [line] = [
            line for line in lines_of(site.server.log) if line.get("request_id") == answer.headers["X-Request-ID"]
        ]
        assert line["status"] == answer.status_code
        assert line.keys() >= {"at", "method", "route", "version", "duration_ms", "user_id"}
        assert (line["user_id"] is not None) == answer.request.url.path.endswith("/me")
