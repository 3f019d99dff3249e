"""POST /posts."""

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from cms.models import AuditEvent, Post, PostRevision, Tag, User

PATH = "/api/v1/posts"
MINIMAL = {"title": "A title", "content": "Some *content*."}


def test_an_author_creates_a_draft(writer: Client, author: User, send: Any) -> None:
    response = send(writer, "post", PATH, MINIMAL | {"colour": "blue", "author_id": "x", "status": "published"})
    assert response.status_code == 201
    post = Post.objects.get()
    data = response.json()["data"]
    assert (data["id"], data["author_id"]) == (str(post.pk), str(author.pk))
    assert (data["status"], data["published_at"], data["excerpt"]) == ("draft", None, "Some content.")
    assert (post.status, post.author, post.slug, post.kind) == ("draft", author, "a-title", "post")
    assert (data["tags"], data["metadata"]["categories"]) == ([], [])
    assert PostRevision.objects.filter(post=post).count() == 1
    assert AuditEvent.objects.get(action="post.created").api_version == 1


def test_every_field_is_kept(writer: Client, send: Any, make_category: Any) -> None:
    make_category("Good News", slug="news")
    state = {"slug": "chosen", "published": True, "tags": ["b", "a", "A"], "category": "news"}
    texts = {"excerpt": " Short. ", "meta_title": "Meta", "meta_description": "About."}
    response = send(writer, "post", PATH, MINIMAL | state | texts)
    assert response.status_code == 201
    post, data = Post.objects.get(), response.json()["data"]
    assert (post.slug, post.status, post.excerpt) == ("chosen", "published", " Short. ")
    assert data["metadata"] == {"meta_title": "Meta", "meta_description": "About.", "categories": ["Good News"]}
    assert (len(data["tags"]), data["tags"][1]) == (2, "b")
    assert data == Client().get(f"{PATH}/{post.pk}").json()["data"]


def test_publishing_counts_the_post_for_its_terms(writer: Client, send: Any, make_category: Any) -> None:
    category = make_category("News")
    body = MINIMAL | {"published": True, "tags": ["a"], "category": "News"}
    data = send(writer, "post", PATH, body).json()["data"]
    assert data["published_at"] == data["created_at"] == data["updated_at"]
    category.refresh_from_db()
    assert (category.post_count, Tag.objects.get().usage_count) == (1, 1)


def test_when_publishing_fails_nothing_is_created(writer: Client, send: Any) -> None:
    def refuse_update(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith('UPDATE "cms_post"'):
            raise OperationalError("the disk is full")
        return execute(sql, *args)

    with connection.execute_wrapper(refuse_update):
        response = send(writer, "post", PATH, MINIMAL | {"published": True, "tags": ["a"]})
    assert response.status_code == 503
    assert "disk" not in response.text
    assert (Post.objects.count(), Tag.objects.count(), AuditEvent.objects.filter(action="post.created").count()) == (
        0,
        0,
        0,
    )


def test_null_counts_as_absent_where_a_field_is_optional(writer: Client, send: Any) -> None:
    optional = ("excerpt", "slug", "published", "tags", "category", "featured_image", "meta_title", "meta_description")
    response = send(writer, "post", PATH, MINIMAL | dict.fromkeys(optional))
    assert response.status_code == 201
    assert Post.objects.get().slug == "a-title"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "  "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": 5}, "title"),
        ({"title": None}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"content": ""}, "content"),
        ({"content": ["text"]}, "content"),
        ({"excerpt": "x" * 501}, "excerpt"),
        ({"slug": "Not A Slug"}, "slug"),
        ({"slug": "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"}, "slug"),
        ({"published": "yes"}, "published"),
        ({"published": 1}, "published"),
        ({"tags": "a,b"}, "tags"),
        ({"tags": {"a": 1}}, "tags"),
        ({"tags": ["a", 5]}, "tags"),
        ({"tags": ["a", None]}, "tags"),
        ({"tags": ["a,b"]}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"tags": [str(number) for number in range(51)]}, "tags"),
        ({"category": "unknown"}, "category"),
        ({"category": ""}, "category"),
        ({"category": ["News"]}, "category"),
        ({"category": "a\0b"}, "category"),
        ({"featured_image": "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"}, "featured_image"),
        ({"featured_image": "cat.jpg"}, "featured_image"),
        ({"meta_title": "x" * 201}, "meta_title"),
        ({"meta_description": 1.5}, "meta_description"),
    ],
)
def test_a_wrong_field_is_422_by_its_name_and_nothing_is_stored(
    change: dict[str, Any], field: str, writer: Client, send: Any
) -> None:
    response = send(writer, "post", PATH, MINIMAL | change)
    assert response.status_code == 422
    body = response.json()
    assert body["error"] == "Invalid input"
    assert {wrong["field"] for wrong in body["validation_errors"]} == {field}
    assert all(wrong["message"] for wrong in body["validation_errors"])
    assert (Post.objects.count(), Tag.objects.count()) == (0, 0)


def test_a_slug_that_is_taken_is_409_and_a_derived_one_is_numbered(writer: Client, send: Any, make_post: Any) -> None:
    make_post(slug="a-title")
    response = send(writer, "post", PATH, MINIMAL | {"slug": "a-title", "tags": ["new"]})
    assert response.status_code == 409
    assert response.json()["error"] == "A post with this slug exists."
    assert not Tag.objects.exists()
    assert send(writer, "post", PATH, MINIMAL).status_code == 201
    assert Post.objects.filter(slug="a-title-2").exists()


def test_a_category_is_found_by_slug_before_name(writer: Client, send: Any, make_category: Any) -> None:
    make_category("first", slug="second")
    make_category("second", slug="first")
    data = send(writer, "post", PATH, MINIMAL | {"category": "first"}).json()["data"]
    assert data["metadata"]["categories"] == ["second"]


def test_an_inactive_category_is_unknown_to_an_author(writer: Client, send: Any, make_category: Any) -> None:
    make_category("Closed", is_active=False)
    assert send(writer, "post", PATH, MINIMAL | {"category": "Closed"}).status_code == 422


def test_without_a_user_writing_is_401_before_the_body_is_read(anonymous: Client) -> None:
    response = anonymous.post(PATH, "{", content_type="application/json")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_subscriber_writes_no_posts(client_of: Any, make_user: Any) -> None:
    response = client_of(make_user()).post(PATH, "{", content_type="application/json")
    assert response.status_code == 403
    assert not Post.objects.exists()
