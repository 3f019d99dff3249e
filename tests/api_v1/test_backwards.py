"""Reads of v2, told in v1's words: what a read of v1 becomes leads back to one that becomes the same."""

from urllib.parse import unquote, urlencode

import pytest

from canary.core.mapping import counted, equivalent, original
from tests.api_v1.translating import DECLARED, GETS, QUERIES, route_of

VALUES = {"uuid": "0d1e7f2a-5b3c-7f4e-9a6b-c0ffee000001", "slug": "a-slug"}
CASES = [(route["path"], dict(query)) for route in GETS for query in QUERIES.get(route["path"], ({},))]


def forth(path: str, query: str) -> str | None:
    """The address of v2; None for what v2 may tell otherwise."""
    found = equivalent(DECLARED, "GET", path, query, has_credentials=False)
    return None if found is None or found.doubts or found.page > 1 else counted(DECLARED, found).target


def back(target: str) -> tuple[str, str] | None:
    path, _, query = target.partition("?")
    return original(DECLARED, unquote(path), query, has_credentials=False)


@pytest.mark.parametrize(("path", "asked"), CASES, ids=str)
def test_what_a_read_of_v1_becomes_leads_back_to_one_that_becomes_the_same(path: str, asked: dict[str, str]) -> None:
    target = forth(path.format(**VALUES), urlencode(asked))
    if target is None or "sort_order" in asked:
        pytest.skip("v2 may tell something else, or says in one word what v1 says in two.")
    source = back(target)
    assert source is not None
    assert forth(*source) == target


@pytest.mark.parametrize(
    ("target", "source"),
    [
        ("/posts?limit=3&sort=title", ("/posts", "limit=3&sort=title")),
        ("/posts", ("/posts", "")),
        ("/me", ("/auth/profile", "")),
        ("/search?q=caf%C3%A9", ("/search", "q=caf%C3%A9")),
        ("/tags?count=exact", ("/tags", "")),
        ("/posts?status=archived", ("/admin/posts", "status=archived")),
    ],
)
def test_what_both_say_is_told_in_the_words_of_v1(target: str, source: tuple[str, str]) -> None:
    assert back(target) == source


@pytest.mark.parametrize(
    "target",
    [
        "/posts?cursor=abc",
        "/posts?fields=id,title",
        "/posts?include=tags",
        "/posts?sort=-published_at,title",
        "/posts?limit=1000",
        "/posts?limit=",
        "/posts?limit=3&limit=4",
        f"/posts?{'&'.join(['limit=3'] * 1_001)}",
        "/posts?tag=A-Slug",
        "/search?q=x&sort=title",
        "/posts/..",
        "/media",
        "/nothing/at/all",
    ],
)
def test_what_v2_alone_understands_leads_nowhere(target: str) -> None:
    assert back(target) is None


def test_each_read_with_an_equivalent_is_found_by_it() -> None:
    assert {row["path"] for rows in DECLARED.calls.values() for _, row in rows} == {
        *(route["path"] for route in GETS),
        *(path for path in ("", "/info", "/openapi.json") if route_of(f"GET {path}")),
    }
