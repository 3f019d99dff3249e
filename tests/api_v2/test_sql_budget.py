"""What anonymous reads cost in queries: the same for one row and for a hundred."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cms.models import Category, Comment, Post, Tag, User

INCLUDE = "include=author,tags,categories,featured_image,comment_count"
BUDGETS = {
    "": 0,
    "/posts/{post}": 1,
    "/posts/post-0": 1,
    f"/posts/{{post}}?{INCLUDE}": 2,
    "/posts/nowhere": 2,
    "/posts?limit=100": 1,
    f"/posts?limit=100&{INCLUDE}": 2,
    f"/posts?limit=100&{INCLUDE}&count=exact&category=top&tag=tag-0&author=mia&sort=-updated_at,title": 5,
    "/posts?limit=100&tag=tag-0": 2,
    "/posts/{post}/comments?limit=100": 2,
    "/comments/{comment}": 1,
    "/users/{user}": 1,
    "/search/suggest?q=po": 2,
    "/sitemap.xml": 2,
    "/redirects?path=/no/such/address/nowhere": 1,
    "/tags?limit=100": 1,
    "/tags/tag-0": 1,
    "/categories?limit=100": 1,
    "/categories/top": 1,
    "/categories/tree": 1,
}

CREATE_BUDGET = 15
"""Of a post with tags that are there, with the credential's, the transaction's begin and end, and the read of the answer."""

EDIT_BUDGET = 14
"""Of the content alone: the credential, the post to look at and to lock, its terms, files, newest revision and the webhooks;
four rows are written; the transaction's begin and end, and the read of the answer."""


@pytest.fixture
def fill(make_user: Callable[..., User]) -> Callable[[int], dict[str, Any]]:
    """So many posts, each with so many tags, categories and comments as fit; the ids that paths need."""
    mia = make_user("author", username="mia")

    def fill_with(count: int) -> dict[str, Any]:
        at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
        Category.objects.all().delete()
        top = Category.objects.create(name="Top", slug="top")
        categories = [Category(name=f"C{n}", slug=f"c{n}", parent=top) for n in range(count)]
        tags = [Tag(name=f"Tag {n}", name_key=f"tag {n}", slug=f"tag-{n}", usage_count=count) for n in range(count)]
        posts = [
            Post(title="Post", slug=f"post-{n}", content="x", author=mia, status="published", published_at=at)
            for n in range(count)
        ]
        comments = [
            Comment(post=posts[0], author=mia, text="x", status="published", thread_path=f"{n:032}")
            for n in range(count)
        ]
        for model, rows in ((Category, categories), (Tag, tags), (Post, posts), (Comment, comments)):
            model.objects.bulk_create(rows)  # type: ignore[attr-defined]
        for post in posts[:: max(1, count // 10)]:
            post.tags.set(tags)
            post.categories.set(categories)
            post.co_authors.set([mia])
        return {"post": posts[0].pk, "comment": comments[0].pk, "user": mia.pk}

    return fill_with


@pytest.mark.parametrize("count", [1, 100])
def test_the_number_of_queries_does_not_grow_with_the_rows(
    client: Client, fill: Callable[[int], dict[str, Any]], count: int
) -> None:
    ids = fill(count)
    client.get("/api/v2/posts")  # what is built once a process has been built then
    costs = {}
    for path in BUDGETS:
        with CaptureQueriesContext(connection) as queries:
            answer: Any = client.get(f"/api/v2{path.format(**ids)}")
            answer.getvalue()  # a sitemap is read as it is sent
        assert answer.status_code == (404 if "nowhere" in path else 200), answer.content
        if "limit=100" in path:
            assert len(answer.json()["data"]) in (count, (count + 9) // 10, count + 1 if count < 100 else count)
        costs[path] = len(queries)
    assert costs == BUDGETS


@pytest.mark.parametrize("count", [1, 20])
def test_a_post_is_made_by_as_many_queries_with_one_tag_as_with_twenty(
    client_of: Callable[[User], Client], author: User, count: int
) -> None:
    client, tags = client_of(author), [f"Tag {number}" for number in range(count)]
    for title in ("Tea", "Coffee"):
        body = {"title": title, "content": "Hot.", "tags": tags}
        with CaptureQueriesContext(connection) as queries:
            answer = client.post("/api/v2/posts", body, content_type="application/json")
        assert (answer.status_code, len(answer.json()["tags"])) == (201, count)
    assert len(queries) == CREATE_BUDGET


def test_an_edit_asks_and_locks_no_more_than_it_needs(
    client_of: Callable[[User], Client], author: User, make_post: Callable[..., Post]
) -> None:
    client, post = client_of(author), make_post(tags=["Tea"])
    for content in ("Hot.", "Hotter."):
        with CaptureQueriesContext(connection) as queries:
            answer = client.patch(f"/api/v2/posts/{post.pk}", {"content": content}, content_type="application/json")
        assert (answer.status_code, answer.json()["content"]) == (200, content)
    assert len(queries) == EDIT_BUDGET
