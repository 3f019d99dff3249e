"""Walking through the pages of a list, as a client would."""

from collections.abc import Callable
from typing import Any

from django.test import Client

BASE = "/api/v2"


def walk(client: Client, path: str, *, between: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
    """All objects of a list from its first page to its last; `between` runs after each page but the last."""
    found: list[dict[str, Any]] = []
    url: str | None = f"{BASE}{path}"
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.content
        found += answer.json()["data"]
        url = answer.json()["page"]["next"]
        if url:
            between()
    return found


def last_page(client: Client, path: str) -> dict[str, Any]:
    page: dict[str, Any] = client.get(f"{BASE}{path}").json()
    while page["page"]["next"]:
        page = client.get(page["page"]["next"]).json()
    return page


def walk_back(
    client: Client, page: dict[str, Any], *, between: Callable[[], None] = lambda: None
) -> list[dict[str, Any]]:
    """All objects from `page` back to the first one, in the order of the list; `between` runs before each page but `page`."""
    found: list[dict[str, Any]] = page["data"]
    while page["page"]["previous"]:
        between()
        page = client.get(page["page"]["previous"]).json()
        found = page["data"] + found
    return found


def titles(answer: Any) -> list[str]:
    return [post["title"] for post in answer.json()["data"]]
