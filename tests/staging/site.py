"""A running staging as its people know it: addresses behind the proxy, an admin, an author, and the rollout's doors."""

import itertools
import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import httpx

from scripts.staging_local.stack import ADMIN, WEBS, Stack
from tests.staging.visitors import Visitors

TOKEN_GOOD_FOR_S: Final = 600
PASSWORD: Final = "a long enough pass-phrase"
_numbers = itertools.count(1)


@dataclass
class Staging:
    stack: Stack
    figures: list[str] = field(default_factory=list)
    """What is worth telling when all is over, such as how many requests a restart went unnoticed by."""
    _admin: httpx.Client | None = None
    _signed_in_at: float = 0.0

    @cached_property
    def anonymous(self) -> httpx.Client:
        return self.client()

    def client(self, token: str | None = None, **more: Any) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.stack.url, headers=headers, timeout=60, **more)

    @property
    def admin(self) -> httpx.Client:
        """Signs in anew before its token ends."""
        if self._admin is None or time.monotonic() - self._signed_in_at > TOKEN_GOOD_FOR_S:
            self.close()
            token = self.sign_in(f"{ADMIN}@example.org", self.stack.secrets["ADMIN_PASSWORD"])
            self._admin, self._signed_in_at = self.client(token), time.monotonic()
        return self._admin

    def sign_in(self, email: str, password: str) -> str:
        answer = self.anonymous.post("/api/v2/auth/token", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    @cached_property
    def author_key(self) -> str:
        """An author's API key that may read and write posts."""
        user = self.register()
        changed = self.admin.post(f"/api/v2/users/{user['id']}/actions/set-role", json={"role": "author"})
        assert changed.status_code == 200, changed.text
        with self.client(self.sign_in(user["email"], PASSWORD)) as author:
            made = author.post("/api/v2/api-keys", json={"name": "staging", "scopes": ["posts:read", "posts:write"]})
        assert made.status_code == 201, made.text
        return str(made.json()["secret"])

    def register(self, client: httpx.Client | None = None, **headers: str) -> dict[str, Any]:
        name = f"visitor_{next(_numbers)}"
        body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        answer = (client or self.anonymous).post("/api/v2/users", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return {"email": body["email"], **answer.json()}

    def visitors(self, **more: Any) -> Visitors:
        return Visitors(self.stack.ports["nginx"], key=self.author_key if more.get("writers") else "", **more)

    def close(self) -> None:
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    # -- the rollout --------------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        answer = self.admin.get("/canary/api/status")
        assert answer.status_code == 200, answer.text
        status: dict[str, Any] = answer.json()
        return status

    def canary(self, verb: str, code: int = 200, **members: Any) -> dict[str, Any]:
        """The status object, or the problem where `code` says so."""
        body = {"reason": "a test", **members}
        if verb != "rollback":
            body["expected_version"] = self.status()["version"]
        answer = self.admin.post(f"/canary/api/{verb}", json=body)
        assert answer.status_code == code, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def reset(self) -> None:
        """Everybody on v1, no plan, no latch, in every process."""
        self.canary("rollback")
        self.canary("ack")
        self.await_rollout()

    def set_weight(self, percent: float) -> None:
        self.canary("set", percent=percent)
        self.await_rollout()

    def await_rollout(self) -> None:
        """Until every worker of both processes serves the rollout as it is stored."""
        version = self.status()["version"]
        eventually(lambda: [self.served_version(name) for name in WEBS] == [version] * len(WEBS), "the rollout arrives")

    def served_version(self, name: str) -> float:
        """Of that worker of a web process that is furthest behind."""
        return self.metric(name, "canary_config_version")

    def metric(self, name: str, metric: str) -> float:
        """Without labels, read from the process itself as Prometheus does."""
        text = httpx.get(f"{self.stack.url_of(name)}/metrics", timeout=20).text
        found = re.search(rf"^{metric} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else -1.0

    def versions_of(self, clients: Iterable[str], url: str | None = None, path: str = "/api") -> dict[str, str]:
        """Which version answers each on the entrance, asked by a few at a time."""

        def ask(client_id: str) -> tuple[str, str]:
            answer = client.get(path, headers={"X-Client-Id": client_id})
            assert answer.status_code == 200, answer.text
            return client_id, answer.headers["API-Version"]

        with httpx.Client(base_url=url or self.stack.url, timeout=60) as client, ThreadPoolExecutor(8) as pool:
            return dict(pool.map(ask, clients))

    def versions_by_network(self, clients: Sequence[str], path: str) -> dict[str, str]:
        """The same for clients of which each has a network (/24) of its own, below 127.64.0.0."""

        def ask(numbered: tuple[int, str]) -> tuple[str, str]:
            number, client_id = numbered
            own = httpx.HTTPTransport(local_address=f"127.{64 + number // 250}.{number % 250}.1", verify=False)
            with httpx.Client(base_url=self.stack.url, timeout=60, transport=own) as client:
                answer = client.get(path, headers={"X-Client-Id": client_id})
            assert answer.status_code == 200, answer.text
            return client_id, answer.headers["API-Version"]

        with ThreadPoolExecutor(8) as pool:
            return dict(pool.map(ask, enumerate(clients)))


def eventually(condition: Callable[[], bool], what: str, within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.1)
