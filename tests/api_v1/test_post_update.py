"""PUT and DELETE /posts/{uuid}: who may, what changes, how it is refused."""

import datetime
from typing import Any

import pytest
from django.test import Client

from api_v1.writes import change_by, trash
from cms.errors import NotFound
from cms.models import AuditEvent, Post, PostRevision, Redirect, Tag
from cms.policy import SYSTEM
from cms.services.post_states import trash_post
from tests.api_v1.conftest import HIDDEN_STATES, ids_of

PATH = "/api/v1/posts"
ABSENT = "01900000-0000-7000-8000-000000000000"


def put(client: Client, post: Any, body: Any = None) -> Any:
    return client.put(f"{PATH}/{getattr(post, 'pk', post)}", body or {}, content_type="application/json")


def test_what_is_named_changes_and_nothing_else(writer: Client, make_post: Any) -> None:
    post = make_post(title="Old", tags=["a"], meta_title="Meta", slug="kept")
    before = writer.get(f"{PATH}/{post.pk}").json()["data"]
    response = put(writer, post, {"title": "New"})
    assert response.status_code == 200
    data = response.json()["data"]
    assert data == before | {"title": "New", "updated_at": data["updated_at"]}
    assert data["updated_at"] > before["updated_at"]
    post.refresh_from_db()
    assert (post.slug, post.version) == ("kept", 3)
    assert AuditEvent.objects.get(action="post.updated").api_version == 1
    assert PostRevision.objects.filter(post=post).count() == 2
    assert data == Client().get(f"{PATH}/{post.pk}").json()["data"]


def test_every_field_can_be_changed(writer: Client, make_post: Any, make_category: Any) -> None:
    post = make_post(is_published=False, tags=["a", "b"])
    make_category("News")
    texts = {"title": "T", "content": "C", "excerpt": "E", "meta_title": "M", "meta_description": "D"}
    response = put(writer, post, texts | {"slug": "s", "tags": ["c"], "category": "News", "published": True})
    data = response.json()["data"]
    assert [data[name] for name in ("title", "content", "excerpt", "status", "tags")] == [
        "T",
        "C",
        "E",
        "published",
        ["c"],
    ]
    assert data["metadata"] == {"meta_title": "M", "meta_description": "D", "categories": ["News"]}
    assert data["published_at"] is not None
    post.refresh_from_db()
    assert post.slug == "s"
    assert Tag.objects.get(name="c").usage_count == 1


@pytest.mark.parametrize(
    "body", [{}, {"colour": 1, "status": "archived", "author_id": "x"}, {"title": None, "tags": None}]
)
def test_a_request_that_names_nothing_changes_nothing(body: Any, writer: Client, make_post: Any) -> None:
    post = make_post(tags=["a"])
    assert put(writer, post, body).status_code == 200
    assert Post.objects.get() == post
    assert (Post.objects.get().version, AuditEvent.objects.filter(action="post.updated").count()) == (2, 0)


def test_what_was_sent_once_can_be_sent_again(writer: Client, make_post: Any, make_category: Any) -> None:
    post = make_post(tags=["a"], categories=[make_category("News")])
    body = {"title": "New", "content": "C", "tags": ["A"], "category": "news", "published": True, "slug": post.slug}
    first = put(writer, post, body).json()["data"]
    version = Post.objects.get().version
    assert put(writer, post, body).json()["data"] == first
    assert Post.objects.get().version == version


def test_an_empty_list_of_tags_takes_all_of_them(writer: Client, make_post: Any) -> None:
    post = make_post(tags=["a", "b"])
    assert put(writer, post, {"tags": []}).json()["data"]["tags"] == []
    assert set(Tag.objects.values_list("usage_count", flat=True)) == {0}


def test_a_new_slug_leaves_a_redirect_behind_and_a_taken_one_is_409(writer: Client, make_post: Any) -> None:
    post, other = make_post(slug="old"), make_post(slug="taken")
    assert put(writer, post, {"slug": "new", "title": "T"}).status_code == 200
    assert Redirect.objects.get().old_path == "/posts/old"
    response = put(writer, post, {"slug": other.slug, "title": "Not stored", "tags": ["x"]})
    assert (response.status_code, response.json()["error"]) == (409, "A post with this slug exists.")
    assert not Post.objects.filter(title="Not stored").exists()
    assert not Tag.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": " "}, "title"),
        ({"content": ""}, "content"),
        ({"excerpt": "x" * 501}, "excerpt"),
        ({"slug": ""}, "slug"),
        ({"published": "true"}, "published"),
        ({"tags": ["a,b"]}, "tags"),
        ({"category": "unknown"}, "category"),
        ({"featured_image": ABSENT}, "featured_image"),
        ({"featured_image": "urn:uuid:" + ABSENT}, "featured_image"),
        ({"featured_image": 5}, "featured_image"),
        ({"meta_title": 5}, "meta_title"),
    ],
)
def test_a_wrong_field_is_422_and_nothing_changes(change: Any, field: str, writer: Client, make_post: Any) -> None:
    post = make_post()
    response = put(writer, post, {"meta_description": "Not stored"} | change)
    assert response.status_code == 422
    assert {wrong["field"] for wrong in response.json()["validation_errors"]} == {field}
    assert (Post.objects.get().version, Post.objects.get().meta_description) == (2, "")


def test_an_author_changes_own_and_co_authored_posts_an_editor_all(
    client_of: Any, make_user: Any, make_post: Any
) -> None:
    co_author, editor, admin = make_user("author"), make_user("editor"), make_user("admin")
    post = make_post(co_authors=[co_author])
    for user in (post.author, co_author, editor, admin):
        assert put(client_of(user), post, {"title": user.username}).json()["data"]["title"] == user.username


@pytest.mark.parametrize("role", ["subscriber", "author"])
@pytest.mark.parametrize("method", ["put", "delete"])
def test_a_stranger_changes_nothing_that_is_public(
    role: str, method: str, client_of: Any, make_user: Any, make_post: Any, send: Any
) -> None:
    post = make_post()
    response = send(client_of(make_user(role)), method, f"{PATH}/{post.pk}", {"title": "Mine"})
    assert response.status_code == 403
    assert (Post.objects.get().title, Post.objects.get().status) == ("A post", "published")


@pytest.mark.parametrize("state", HIDDEN_STATES)
@pytest.mark.parametrize("method", ["put", "delete"])
def test_what_is_hidden_from_a_stranger_is_not_found(
    state: str, method: str, client_of: Any, make_user: Any, make_hidden_post: Any, send: Any
) -> None:
    post, stranger = make_hidden_post(state), client_of(make_user("author"))
    hidden = send(stranger, method, f"{PATH}/{post.pk}", {"title": "Mine"})
    absent = send(stranger, method, f"{PATH}/{ABSENT}", {"title": "Mine"})
    assert hidden.status_code == 404
    assert hidden.content == absent.content


@pytest.mark.parametrize("method", ["put", "delete"])
def test_before_anything_else_comes_who_asks_and_then_the_id(
    method: str, anonymous: Client, client_of: Any, make_user: Any, make_post: Any
) -> None:
    post = make_post()
    call, known = getattr(anonymous, method), getattr(client_of(make_user()), method)
    assert call(f"{PATH}/{post.pk}", "{", content_type="application/json").status_code == 401
    assert known(f"{PATH}/no-uuid", "{", content_type="application/json").status_code == 400
    assert known(f"{PATH}/{post.pk}", "{", content_type="application/json").status_code == 403


def test_a_broken_body_is_400_and_one_of_another_type_415(writer: Client, make_post: Any) -> None:
    post = make_post()
    assert writer.put(f"{PATH}/{post.pk}", "{", content_type="application/json").status_code == 400
    assert writer.put(f"{PATH}/{post.pk}", "a=b", content_type="application/x-www-form-urlencoded").status_code == 415


def test_deleting_moves_to_the_trash_and_then_it_is_not_found(writer: Client, make_post: Any) -> None:
    post = make_post(tags=["a"])
    response = writer.delete(f"{PATH}/{post.pk}")
    assert (response.status_code, response.json()["data"]) == (200, {"message": "Post deleted"})
    post.refresh_from_db()
    assert (post.status, post.status_before_trash) == ("trashed", "published")
    assert Tag.objects.get().usage_count == 0
    assert ids_of(writer.get(PATH)) == []
    for method in (writer.get, writer.delete, writer.put):
        assert method(f"{PATH}/{post.pk}", content_type="application/json").status_code == 404


@pytest.mark.parametrize("state", ["draft", "scheduled", "expired", "private", "archived"])
def test_whatever_its_state_a_post_remembers_it_in_the_trash(state: str, writer: Client, make_hidden_post: Any) -> None:
    post = make_hidden_post(state)
    before = (post.status, post.published_at, post.expires_at, post.visibility)
    assert writer.delete(f"{PATH}/{post.pk}").status_code == 200
    post.refresh_from_db()
    assert (post.status_before_trash, post.published_at, post.expires_at, post.visibility) == before


def test_a_post_that_was_trashed_by_somebody_else_meanwhile_is_not_found(
    make_post: Any, now: datetime.datetime
) -> None:
    post = make_post()
    trash_post(actor=SYSTEM, post=post, now=now)
    with pytest.raises(NotFound):
        change_by({"title": "Late"}, actor=post.author, post=post, now=now)
    with pytest.raises(NotFound):
        trash(actor=post.author, post=post, now=now)
