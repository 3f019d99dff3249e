"""Strictness: what a query may say, and what is told when it says something else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import User


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("query", "parameter", "code", "hint"),
    [
        ("query=x", "query", "unknown_parameter", "status, kind"),
        ("page=2", "page", "unknown_parameter", "cursor"),
        ("format=json", "format", "unknown_parameter", "fields"),
        ("published_at__lte=2026", "published_at__lte", "unknown_parameter", "published_before"),
        ("limit=0", "limit", "invalid_number", "1 to 100"),
        ("limit=101", "limit", "invalid_number", "1 to 100"),
        ("limit=-1", "limit", "invalid_number", "1 to 100"),
        ("limit=ten", "limit", "invalid_number", "1 to 100"),
        ("limit=%EF%BC%95", "limit", "invalid_number", "1 to 100"),
        ("limit=99999999999999999999", "limit", "invalid_number", "1 to 100"),
        ("limit=1&limit=2", "limit", "repeated", "more than once"),
        ("limit=", "limit", "empty", "empty"),
        ("sort=author", "sort", "invalid_choice", "created_at"),
        ("sort=--title", "sort", "invalid_choice", "title"),
        ("sort=title,-title", "sort", "repeated", "twice"),
        ("fields=id,password", "fields", "invalid_choice", "title"),
        ("fields=", "fields", "empty", "empty"),
        ("include=comments", "include", "invalid_choice", "comment_count"),
        ("status=live", "status", "invalid_choice", "draft, scheduled"),
        ("status=draft,,trashed", "status", "empty", "commas"),
        ("kind=article", "kind", "invalid_choice", "post, page"),
        ("count=true", "count", "invalid_choice", "exact"),
        ("ids=1,2", "ids", "invalid_id", "UUID"),
        ("published_after=yesterday", "published_after", "invalid_instant", "RFC 3339"),
        ("published_after=2026-01-01", "published_after", "invalid_instant", "offset"),
        ("published_before=2026-13-01T00:00:00Z", "published_before", "invalid_instant", "RFC 3339"),
        ("updated_after=0001-01-01T00:00:00%2B10:00", "updated_after", "invalid_instant", "RFC 3339"),
        ("language=en,x+y", "language", "invalid_language", "pt-BR"),
        ("language=pt_br", "language", "invalid_language", "BCP 47"),
        (f"language=en-{'x' * 8}-{'y' * 8}-{'z' * 8}-{'w' * 8}", "language", "invalid_language", "BCP 47"),
        ("tag=a%00b", "tag", "invalid_characters", "NUL"),
        ("cursor=", "cursor", "empty", "empty"),
        ("q=", "q", "empty", "empty"),
        ("q=%20", "q", "empty", "blank"),
    ],
)
def test_whatever_a_list_does_not_know_is_a_400_that_says_what_it_does(
    client: Client, query: str, parameter: str, code: str, hint: str
) -> None:
    answer = client.get(f"/api/v2/posts?{query}")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["parameter"], error["code"]) == (parameter, code)
    assert hint in error["message"]
    assert "pointer" not in error


@pytest.mark.usefixtures("db")
def test_all_unknown_names_are_told_at_once(client: Client) -> None:
    errors = client.get("/api/v2/tags?a=1&b=2&limit=3").json()["errors"]
    assert [error["parameter"] for error in errors] == ["a", "b"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/posts"),
        ("post", "/users"),
        ("post", "/auth/token"),
        ("get", "/me"),
        ("get", ""),
        ("get", "/categories/tree"),
    ],
)
def test_paths_without_parameters_take_none(
    client_of: Callable[[User], Client], author: User, method: str, path: str
) -> None:
    answer: Any = getattr(client_of(author), method)(f"/api/v2{path}?dry_run=1")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "unknown_parameter"


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize("query", ["tag=nobody", "author=nobody", "category=nobody", "tag=' or 1=1 --", "author=a%25"])
def test_a_well_formed_value_that_matches_nothing_gives_an_empty_list(client: Client, query: str) -> None:
    answer = client.get(f"/api/v2/posts?{query}")
    assert answer.status_code == 200
    assert answer.json() == {"data": [], "page": {"next": None, "previous": None, "has_more": False, "limit": 20}}
