"""POST /posts: who may, what a body may say, and what is stored."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import AuditEvent, Category, Post, Tag, User

Post_ = Callable[..., Any]


@pytest.fixture
def create(client_of: Callable[[User], Client], author: User) -> Post_:
    """`create(title="A")`: a POST by `author` with these members."""

    def send(by: Client | None = None, base: str = "/api/v2", **members: Any) -> Any:
        body = {"title": "A title", "content": "Words.", **members}
        headers = {"API-Version": "2"} if base == "/api" else {}
        return (by or client_of(author)).post(f"{base}/posts", body, content_type="application/json", headers=headers)

    return send


def test_a_new_post_is_a_draft_of_the_caller_at_its_location(create: Post_, client_of: Any, author: User) -> None:
    answer = create(
        title="Über uns", meta={"title": "M"}, excerpt="E", language="de", kind="page", visibility="private"
    )
    post = Post.objects.get()
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v2/posts/{post.pk}"
    assert (post.author, post.status, post.slug, post.meta_title) == (author, "draft", "über-uns", "M")
    assert (post.kind, post.visibility, post.language, post.excerpt) == ("page", "private", "de", "E")
    assert answer.json() == client_of(author).get(answer.headers["Location"]).json()
    event = AuditEvent.objects.get(action="post.created")
    assert (event.api_version, event.actor) == (2, author)


def test_the_location_stays_on_the_entrance(create: Post_) -> None:
    answer = create(base="/api")
    assert answer.headers["Location"] == f"/api/posts/{Post.objects.get().pk}"
    assert answer.json()["links"]["self"] == answer.headers["Location"]


def test_a_tag_that_its_writer_meets_nowhere_is_taken_by_its_name_alone(
    create: Post_, make_post: Callable[..., Post], client_of: Any, editor: User
) -> None:
    make_post(by=editor, tags=["Layoffs of May", "Tea"], is_published=False)
    layoffs, tea = Tag.objects.get(slug="layoffs-of-may"), Tag.objects.get(slug="tea")
    assert create(tags=[str(layoffs.pk)]).json()["errors"][0]["pointer"] == "/tags/0"
    named = Post.objects.get(pk=create(tags=["layoffs-of-may", "tea"]).json()["id"])
    assert {tag.name for tag in named.tags.all()} == {"layoffs-of-may", "Tea"}
    assert create(client_of(editor), tags=["layoffs-of-may", tea.pk.hex]).json()["tags"] == sorted(
        map(str, (layoffs.pk, tea.pk))
    )
    assert create(tags=["LAYOFFS OF MAY"]).json()["tags"] == [str(layoffs.pk)]
    assert create(tags=["layoffs-of-may"]).json()["tags"] == [str(layoffs.pk)]  # by now it is met in an own post


def test_tags_are_ids_slugs_or_new_names_and_categories_ids_or_slugs(
    create: Post_, make_post: Callable[..., Post], make_category: Callable[..., Category], editor: User
) -> None:
    make_post(tags=["C plus plus", "Red"])
    by_name = {tag.name: tag for tag in Tag.objects.all()}
    one, two = make_category("One"), make_category("Two")
    answer = create(
        tags=[by_name["C plus plus"].slug, str(by_name["Red"].pk), "RED", "Brand New"],
        categories=["one", str(two.pk), two.pk.hex],
        co_authors=[str(editor.pk)],
        expires_at="2999-01-01T00:00:00+02:00",
    )
    post = Post.objects.get(pk=answer.json()["id"])
    assert {tag.name for tag in post.tags.all()} == {"C plus plus", "Red", "Brand New"}
    assert set(post.categories.all()) == {one, two}
    assert list(post.co_authors.all()) == [editor]
    assert answer.json()["expires_at"] == "2998-12-31T22:00:00.000000Z"


@pytest.mark.parametrize(
    ("members", "pointer", "code"),
    [
        ({"titel": "x"}, "/titel", "unknown_member"),
        ({"a/b~c": "x"}, "/a~1b~0c", "unknown_member"),
        ({"status": "published"}, "/status", "unknown_member"),
        ({"meta": {"titel": "x"}}, "/meta/titel", "unknown_member"),
        ({"meta": "x"}, "/meta", "invalid_type"),
        ({"meta": {"title": 1}}, "/meta/title", "invalid_type"),
        ({"meta": {"title": "x" * 201}}, "/meta/title", "too_long"),
        ({"title": ""}, "/title", "required"),
        ({"title": None}, "/title", "invalid_type"),
        ({"title": "x" * 201}, "/title", "too_long"),
        ({"title": "a\u0000b"}, "/title", "invalid_characters"),
        ({"content": 5}, "/content", "invalid_type"),
        ({"content": "  "}, "/content", "required"),
        ({"excerpt": "x" * 501}, "/excerpt", "too_long"),
        ({"slug": "Not A Slug"}, "/slug", "invalid_slug"),
        ({"slug": "019a0000-0000-7000-8000-000000000000"}, "/slug", "invalid_slug"),
        ({"language": "english please"}, "/language", "invalid_language"),
        ({"kind": "article"}, "/kind", "invalid_choice"),
        ({"visibility": "secret"}, "/visibility", "invalid_choice"),
        ({"content_format": "rst"}, "/content_format", "invalid_choice"),
        ({"expires_at": "tomorrow"}, "/expires_at", "invalid_instant"),
        ({"expires_at": "2026-01-01T00:00:00"}, "/expires_at", "invalid_instant"),
        ({"expires_at": 1}, "/expires_at", "invalid_instant"),
        ({"tags": "a,b"}, "/tags", "invalid_type"),
        ({"tags": ["ok", 1]}, "/tags/1", "invalid_type"),
        ({"tags": ["a,b"]}, "/tags", "invalid_tag_name"),
        ({"tags": ["019a0000-0000-7000-8000-000000000000"]}, "/tags/0", "unknown"),
        ({"tags": [f"t{n}" for n in range(51)]}, "/tags", "too_many"),
        ({"tags": [f"t{n}" for n in range(70_000)]}, "/tags", "too_many"),
        ({"categories": ["nowhere"]}, "/categories/0", "unknown"),
        ({"categories": {"id": 1}}, "/categories", "invalid_type"),
        ({"co_authors": ["mia"]}, "/co_authors/0", "unknown"),
        ({"co_authors": ["019a0000-0000-7000-8000-000000000000"]}, "/co_authors/0", "unknown"),
    ],
)
def test_a_body_that_cannot_be_stored_is_a_422_that_points_there(
    create: Post_, members: dict[str, Any], pointer: str, code: str
) -> None:
    answer = create(**members)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (pointer, code)
    assert not Post.objects.exists()
    assert not Tag.objects.exists()


def test_all_wrong_members_are_told_at_once(client_of: Callable[[User], Client], author: User) -> None:
    answer = client_of(author).post("/api/v2/posts", {"tags": [1], "x": 1}, content_type="application/json")
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/title", "/content", "/tags/0", "/x"}


def test_a_slug_that_is_taken_is_a_409(create: Post_, make_post: Callable[..., Post]) -> None:
    make_post(slug="taken")
    answer = create(slug="taken")
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:problem-type:tandem:duplicate"
    assert answer.json()["errors"][0]["pointer"] == "/slug"
    assert Post.objects.count() == 1


def test_a_derived_slug_that_is_taken_gets_a_number(create: Post_) -> None:
    assert [create().json()["slug"] for _ in range(2)] == ["a-title", "a-title-2"]


def test_strangers_may_not_write_and_their_body_is_not_looked_at(
    client: Client, client_of: Callable[[User], Client], make_user: Callable[..., User]
) -> None:
    for by, status, code in (
        (client, 401, "authentication-required"),
        (client_of(make_user()), 403, "permission-denied"),
    ):
        answer = by.post("/api/v2/posts", b"{", content_type="text/plain")
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:problem-type:tandem:{code}")
        assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert not Post.objects.exists()


def test_a_category_that_is_switched_off_is_unknown_to_authors(
    create: Post_, make_category: Callable[..., Category], client_of: Callable[[User], Client], editor: User
) -> None:
    make_category("Off", is_active=False)
    assert create(categories=["off"]).status_code == 422
    assert create(by=client_of(editor), categories=["off"]).status_code == 201


def test_a_suspended_user_is_no_co_author(create: Post_, make_user: Callable[..., User]) -> None:
    suspended = make_user("author", is_active=False)
    assert create(co_authors=[str(suspended.pk)]).json()["errors"][0]["pointer"] == "/co_authors/0"
