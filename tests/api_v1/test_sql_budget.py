"""How many statements an anonymous read costs: constant, however many rows it answers."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cms.models import Category, Post, Tag

BUDGETS = {
    "/api/v1/posts?limit=100": 4,
    "/api/v1/posts?limit=100&tag=a&sort=title": 4,
    "/api/v1/posts?page=1000": 1,
    "/api/v1/posts/{uuid}": 3,
    "/api/v1/posts/{uuid}/comments?limit=100": 3,
    "/api/v1/tags?limit=100": 2,
    "/api/v1/tags/a": 1,
    "/api/v1/categories?limit=100": 2,
    "/api/v1/categories/news": 1,
    "/api/v1": 0,
}


@pytest.fixture
def grow(make_post: Callable[..., Post], make_comment: Any, make_category: Any) -> Callable[[int], Post]:
    """`grow(n)`: n posts more, each with a tag and a category of its own and of all, and a comment on the first."""
    shared = make_category("News")

    def add(count: int) -> Post:
        for number in range(Post.objects.count(), Post.objects.count() + count):
            make_post(tags=["a", f"tag {number}"], categories=[shared, make_category(f"Category {number}")])
            make_comment(Post.objects.earliest("id"))
        return Post.objects.earliest("id")

    return add


def statements_of(client: Client, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


def test_the_number_of_statements_is_within_budget_and_constant_from_1_to_100_posts(
    anonymous: Client, grow: Callable[[int], Post]
) -> None:
    counts = []
    for more in (1, 99):
        post = grow(more)
        paths = {path: path.format(uuid=post.pk) for path in BUDGETS}
        counts.append({path: len(statements_of(anonymous, real)) for path, real in paths.items()})
    assert counts == [BUDGETS, BUDGETS]
    assert (Post.objects.count(), Tag.objects.count(), Category.objects.count()) == (100, 101, 101)


def test_a_list_does_not_fetch_what_it_does_not_show(anonymous: Client, grow: Callable[[int], Post]) -> None:
    grow(1)
    statements = statements_of(anonymous, "/api/v1/posts")
    assert any("excerpt" in statement for statement in statements)
    assert not any("content_html" in statement or '"description"' in statement for statement in statements)
