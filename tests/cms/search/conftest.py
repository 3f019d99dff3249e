"""Fixtures of the search's tests: a search as somebody, given back as titles."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from cms.models import Post
from cms.search import search_posts

NOBODY = AnonymousUser()


@pytest.fixture
def find(db: None, now: datetime.datetime) -> Callable[..., list[str]]:
    """`find("query", user=…)`: the plain titles of the hits, the best first."""

    def search(query: str, *, user: Any = NOBODY, **more: Any) -> list[str]:
        hits = search_posts(query, user=user, now=now, **more).hits
        titles = dict(Post.objects.values_list("pk", "title"))
        return [titles[hit.post_id] for hit in hits]

    return search


@pytest.fixture
def only_postgresql(db: None) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("what PostgreSQL alone has")


@pytest.fixture
def only_sqlite(db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("what SQLite alone has")
