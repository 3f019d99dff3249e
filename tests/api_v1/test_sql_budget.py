"""How many statements an anonymous read costs: constant, however many rows it answers."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cms.models import Category, Post, Tag, User
from cms.services.api_keys import create_api_key

BUDGETS = {
    "/api/v1/posts?limit=100": 3,
    "/api/v1/posts?limit=100&tag=a&sort=title": 3,
    "/api/v1/posts?page=1000": 1,
    "/api/v1/posts/{uuid}": 2,
    "/api/v1/posts/{uuid}/comments?limit=100": 3,
    "/api/v1/tags?limit=100": 2,
    "/api/v1/tags/a": 1,
    "/api/v1/categories?limit=100": 2,
    "/api/v1/categories/news": 1,
    "/api/v1": 0,
    "/api/v1/openapi.json": 0,
    "/api/v1/search/suggest?prefix=post": 2,
    "/api/v1/search/stats": 2,
}
# At most: PostgreSQL takes settings before a search and gives them back after it, SQLite has none.
SEARCH_BUDGETS = {
    "/api/v1/search?q=content&limit=100": 8,
    "/api/v1/search?q=content&limit=100&sort_by=title": 7,
}
# With a token, whose one query stands outside the budgets.
ADMINS_BUDGETS = {
    "/api/v1/posts?limit=100": 3,
    "/api/v1/posts/{uuid}": 2,
    "/api/v1/posts/{uuid}/comments?limit=100": 3,
    "/api/v1/admin/posts?limit=100": 3,
    "/api/v1/users?limit=100": 2,
    "/api/v1/users/{user}": 1,
    "/api/v1/api-keys?limit=100": 2,
    "/api/v1/tags?limit=100": 2,
    "/api/v1/categories?limit=100": 2,
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


def test_a_search_costs_the_same_for_any_number_of_hits(anonymous: Client, grow: Callable[[int], Post]) -> None:
    counts = []
    for more in (1, 29):
        grow(more)
        counts.append({path: len(statements_of(anonymous, path)) for path in SEARCH_BUDGETS})
    assert counts[0] == counts[1]
    assert all(counts[0][path] <= most for path, most in SEARCH_BUDGETS.items())


def test_the_same_for_an_admin_and_what_only_admins_see(
    client_of: Callable[[User], Client], make_user: Callable[..., User], grow: Callable[[int], Post]
) -> None:
    admin, counts = make_user("admin"), []
    client = client_of(admin)
    for more in (1, 20):
        post = grow(more)
        for number in range(more):
            fields: Any = {"name": f"Key {number}", "scopes": ["posts:read"]}
            create_api_key(actor=admin, owner=admin, fields=fields, now=timezone.now())
            make_user()
        paths = {path: path.format(uuid=post.pk, user=admin.pk) for path in ADMINS_BUDGETS}
        counts.append({path: len(statements_of(client, real)) - 1 for path, real in paths.items()})
    assert counts == [ADMINS_BUDGETS, ADMINS_BUDGETS]


def test_a_change_costs_the_same_for_any_number_of_terms(
    client_of: Callable[[User], Client], make_post: Callable[..., Post], author: User, make_category: Any
) -> None:
    client, counts = client_of(author), []
    for number in (1, 20):
        categories = [make_category(f"{number}-{index}") for index in range(number)]
        post = make_post(tags=[f"{number}-{index}" for index in range(number)], categories=categories)
        with CaptureQueriesContext(connection) as captured:
            response = client.put(f"/api/v1/posts/{post.pk}", {"title": "New"}, content_type="application/json")
        assert response.status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_a_create_is_one_transaction_and_reads_its_answers_terms_at_once(
    client_of: Callable[[User], Client], author: User
) -> None:
    """Asked are who it is, by two its tag, webhooks, the answer's terms; five are written; two make a whole of it.

    Two more are a savepoint, so that a slug that is taken does not end the transaction.
    """
    client = client_of(author)

    def create(title: str) -> None:
        body: Any = {"title": title, "content": "Text", "tags": ["Tea"]}
        assert client.post("/api/v1/posts", body, content_type="application/json").status_code == 201

    create("First")
    with CaptureQueriesContext(connection) as captured:
        create("Second")
    assert len(captured) == 14


def test_an_edit_asks_and_locks_no_more_than_it_needs(
    client_of: Callable[[User], Client], make_post: Callable[..., Post], author: User
) -> None:
    """Asked are who it is, the post, its terms, its files, its revisions, webhooks, the answer's terms; the post is locked,
    four are written, two make a whole of it."""
    client, post = client_of(author), make_post(tags=["Tea"])

    def edit(content: str) -> None:
        body: Any = {"content": content}
        assert client.put(f"/api/v1/posts/{post.pk}", body, content_type="application/json").status_code == 200

    edit("First")
    with CaptureQueriesContext(connection) as captured:
        edit("Second")
    assert len(captured) == 14


def test_a_list_does_not_fetch_what_it_does_not_show(anonymous: Client, grow: Callable[[int], Post]) -> None:
    grow(1)
    statements = statements_of(anonymous, "/api/v1/posts")
    assert any("excerpt" in statement for statement in statements)
    fetched = [re.sub(r"(octet_length|CAST)\([^)]*\)", "", statement) for statement in statements]
    assert not any("content_html" in statement or '"description"' in statement for statement in fetched)
