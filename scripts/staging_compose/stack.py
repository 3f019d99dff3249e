"""The running Compose project: its commands, its containers, and what `manage.py` says inside."""

import json
import secrets
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from scripts.staging_compose.errors import PlayError
from scripts.staging_compose.shell import run
from scripts.staging_compose.visitors import Connection, ask

FILE: Final = "docker-compose.staging.yml"
SECRETS: Final = ("POSTGRES_PASSWORD", "SECRET_KEY", "METRICS_TOKEN", "GRAFANA_PASSWORD")
ADMIN: Final = "admin@example.org"


@dataclass
class Stack:
    """`root` is a copy of the checkout, which the play may change."""

    root: Path
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    nameless_before: set[str] = field(default_factory=set)
    """Images without a name that the engine had before the play."""
    _token: str = ""

    def write_env(self) -> None:
        """The .env of somebody who follows the installation guide."""
        lines = [f"{name}={secrets.token_hex(32)}" for name in SECRETS]
        lines += ["HSTS_S=3600", "EMAIL_URL=smtp://mail.example.org:25", "LOAD_TIME=30s"]
        lines += ["ADMIN_URL=http://127.0.0.1:8000/admin/"]
        (self.root / ".env").write_text("\n".join(lines) + "\n")

    def compose(self, *words: str, stdin: str | None = None, limit_s: float = 600) -> str:
        return run(["docker", "compose", "-f", FILE, *words], cwd=self.root, stdin=stdin, limit_s=limit_s)

    def upgrade(self, *words: str) -> str:
        """The one documented command."""
        return run(["sh", "deploy/compose/upgrade", *words], cwd=self.root)

    def manage(self, *words: str, service: str = "web-1", stdin: str | None = None) -> str:
        return self.compose("exec", "-T", service, "python3", "manage.py", *words, stdin=stdin)

    def manage_json(self, *words: str) -> Any:
        return json.loads(self.manage(*words, "--json"))

    def sql(self, statement: str, database: str = "cms_staging") -> str:
        return self.compose(
            "exec", "-T", "postgres", "psql", "-U", "cms_user", "-d", database, "-Atc", statement
        ).strip()

    # -- containers ---------------------------------------------------------------------------------------------------

    def containers(self) -> dict[str, dict[str, Any]]:
        """Return the engine's account of each container, one-shot ones included, by service."""
        ids = self.compose("ps", "--all", "--quiet").split()
        found = json.loads(run(["docker", "inspect", *ids]))
        return {each["Config"]["Labels"]["com.docker.compose.service"]: each for each in found}

    def health(self, service: str) -> str:
        return str(self.containers()[service]["State"].get("Health", {}).get("Status", "none"))

    def ids(self) -> dict[str, str]:
        return {service: each["Id"] for service, each in self.containers().items()}

    def all_healthy(self) -> bool:
        states = {service: each["State"] for service, each in self.containers().items() if service != "migrate"}
        return all(state.get("Health", {}).get("Status") == "healthy" for state in states.values())

    def await_healthy(self, limit_s: float = 90) -> float:
        return eventually(self.all_healthy, "every container is healthy", limit_s)

    # -- the API ------------------------------------------------------------------------------------------------------

    def make_admin(self) -> None:
        words = (
            "users",
            "create",
            "--username",
            "compose_admin",
            "--email",
            ADMIN,
            "--role",
            "admin",
            "--password-stdin",
        )
        self.manage(*words, stdin=f"{self.password}\n")
        self.sign_in()

    def sign_in(self) -> None:
        status, _, body = ask("/api/v2/auth/token", "POST", {"email": ADMIN, "password": self.password})
        if status != 200:
            raise PlayError(f"The admin cannot sign in: {status} {body[:300]!r}")
        self._token = json.loads(body)["access_token"]

    def as_admin(
        self,
        path: str,
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        kept: Connection | None = None,
    ) -> tuple[int, bytes]:
        sent = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        status, _, found = ask(path, method, body, sent, kept=kept)
        return status, found

    def write_post(self, kept: Connection | None = None) -> int:
        return self.as_admin("/api/v2/posts", "POST", {"title": "Written under load", "content": "Text."}, kept=kept)[0]

    def set_weight(self, percent: int) -> None:
        """Return when every process serves that share."""
        self.change("set", percent=percent)
        self.await_weight(percent)

    def change(self, verb: str, **fields: Any) -> None:
        """Change the rollout through the control API."""
        version = json.loads(self.as_admin("/canary/api/status")[1])["version"]
        body = {"reason": "the play of staging", "expected_version": version, **fields}
        status, told = self.as_admin(f"/canary/api/{verb}", "POST", body)
        if status != 200:
            raise PlayError(f"{verb} gets {status}: {told[:300]!r}")

    def await_weight(self, percent: int) -> None:
        def is_served() -> bool:
            status = json.loads(self.as_admin("/canary/api/status")[1])
            served = {worker["version"] for worker in status["workers"]}
            return bool(status["weight_bp"] == percent * 100 and served == {status["version"]})

        eventually(is_served, f"every process serves {percent} %", 30)


def eventually(condition: Callable[[], object], what: str, limit_s: float) -> float:
    """Return after how many seconds the condition held. Raise PlayError when it does not within the limit."""
    began, last = time.monotonic(), ""
    while True:
        try:
            if condition():
                return time.monotonic() - began
        except (PlayError, OSError, KeyError, subprocess.SubprocessError) as error:
            last = f" ({error})"
        if time.monotonic() - began > limit_s:
            raise PlayError(f"Not within {limit_s:g} s: {what}{last}")
        time.sleep(0.3)
