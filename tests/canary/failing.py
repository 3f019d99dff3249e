"""Two arms that fail as they are told, requests of them, and what the recorder noted."""

from typing import Any

from django.test import Client

from canary.core.values import Decision
from canary.recording import recorder

ARMS = {
    "ARMS": {1: "tests.canary.failing_urls_v1", 2: "tests.canary.failing_urls_v2"},
    "IS_AWAY": "tests.canary.failing_urls_v1.is_away",
}
THING, PINNED = "/api/things/7", "/api/v2/things/7"


def ask(path: str, method: str = "GET", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(raise_request_exception=False).generic(method, path, headers=named)


def recorded() -> list[tuple[int, str, int]]:
    """Version, reason and status of all that was recorded, in its order."""
    seen = [one for one in recorder.queue.drain() if isinstance(one.answer, Decision)]
    return [(one.answer.api_version, one.answer.reason, one.status) for one in seen]
