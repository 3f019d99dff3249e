"""The same request, sent at once to two server processes on one database, and again after they were killed."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.databases import copied_database, process_env
from tests.servers import Server, manage, serve
from tests.slow import slow

SENDERS = 8
CREDENTIALS = {"username": "writer", "email": "writer@example.org", "password": "a long enough pass-phrase"}


@pytest.fixture(scope="module", params=[slow("sqlite"), "postgresql"])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, template_of: Callable[[str], str]
) -> Iterator[tuple[Server, Server]]:
    with copied_database(template_of(request.param), tmp_path_factory.mktemp("repeats")) as url:
        env = process_env(url)
        role = ("users", "create", "--username", "writer", "--email", CREDENTIALS["email"], "--role", "author")
        made = manage(*role, "--password-stdin", env=env, input=CREDENTIALS["password"])
        assert made.returncode == 0, made.stderr
        with serve(env, threads=8) as first, serve(env, threads=8) as second:
            yield first, second


@pytest.fixture
def send(servers: tuple[Server, Server]) -> Iterator[Callable[..., list[httpx.Response]]]:
    """`send("POST", "/posts", json=…, headers=…)`: eight times at once, to both servers in turn."""
    login = {"email": CREDENTIALS["email"], "password": CREDENTIALS["password"]}
    token = httpx.post(f"{servers[0].base_url}/api/v2/auth/token", json=login, timeout=60).json()["access_token"]
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http, ThreadPoolExecutor(8) as pool:

        def send_all(method: str, path: str, **more: Any) -> list[httpx.Response]:
            def send_one(number: int) -> httpx.Response:
                return http.request(method, f"{servers[number % 2].base_url}/api/v2{path}", **more)

            return list(pool.map(send_one, range(SENDERS)))

        yield send_all


@pytest.mark.slow
def test_eight_equal_posts_at_once_make_one_post(send: Callable[..., list[httpx.Response]]) -> None:
    for turn in range(5):
        body, key = {"title": f"Turn {turn}", "content": "Words."}, f"turn {turn}"
        answers = send("POST", "/posts", json=body, headers={"Idempotency-Key": key})
        done = [answer for answer in answers if answer.status_code == 201]
        assert set(Counter(answer.status_code for answer in answers)) <= {201, 409}
        assert len([answer for answer in done if "Idempotency-Replayed" not in answer.headers]) == 1
        assert len({answer.content for answer in done}) == 1
        again = send("POST", "/posts", json=body, headers={"Idempotency-Key": key})
        assert {answer.headers.get("Idempotency-Replayed") for answer in again if answer.status_code == 201} == {"true"}
        assert done[0].json()["slug"] == f"turn-{turn}"  # a second one would have got a number


@pytest.mark.slow
def test_of_eight_changes_at_once_to_one_version_one_is_made(send: Callable[..., list[httpx.Response]]) -> None:
    made = send("POST", "/posts", json={"title": "Contended", "content": "Words."})[0]
    path = f"/posts/{made.json()['id']}"
    for _ in range(3):
        etag = send("GET", path)[0].headers["ETag"]
        answers = send("PATCH", path, json={"title": f"After {etag}"}, headers={"If-Match": etag})
        assert Counter(answer.status_code for answer in answers) == {200: 1, 412: SENDERS - 1}
