"""Reading posts: their shape, filters, sorts, fields and includes."""

import datetime
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from api_v2.serializers.included import _ENTITY, _KINDS, _Kind
from api_v2.serializers.shapes import columns_of
from cms.models import Category, Comment, MediaFile, Post, User
from cms.policy import SYSTEM
from cms.services.posts import update_post
from tests.api_v2.walking import titles

Get = Callable[..., Any]
DAY = datetime.timedelta(days=1)
FIELDS = [
    *(
        "id",
        "created_at",
        "updated_at",
        "kind",
        "slug",
        "title",
        "content",
        "content_format",
        "content_html",
        "excerpt",
    ),
    *("language", "status", "visibility", "author", "co_authors", "tags", "categories", "featured_image", "meta"),
    *("published_at", "expires_at", "reading_time_min", "version", "actions", "links"),
]


def test_a_post_has_the_shape_of_the_contract(
    get: Get, make_post: Callable[..., Post], make_category: Callable[..., Category], author: User, editor: User
) -> None:
    at = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
    category = make_category("News")
    post = make_post(
        tags=["one", "two"], categories=[category], co_authors=[editor], meta_title="M", meta_description="D",
        published_at=at, expires_at=at + 3650 * DAY,
    )  # fmt: skip
    body = get(f"/posts/{post.pk}").json()
    assert list(body) == FIELDS
    assert body["tags"] == sorted(str(tag.pk) for tag in post.tags.all())
    assert (body["author"], body["co_authors"]) == (str(author.pk), [str(editor.pk)])
    assert body["categories"] == [str(category.pk)]
    assert body["meta"] == {"title": "M", "description": "D"}
    assert body["published_at"] == "2026-03-01T12:00:00.000000Z"
    assert body["content_html"] == "<p>Some <em>content</em>.</p>\n"
    assert (body["status"], body["featured_image"], body["actions"]) == ("published", None, [])
    assert get("/posts").json()["data"] == [body]


def test_an_id_in_any_form_and_a_slug_lead_to_the_same_post(get: Get, make_post: Callable[..., Post]) -> None:
    post = make_post(slug="größe.2-ü")
    for name in (post.pk, post.pk.hex, str(post.pk).upper(), "größe.2-ü", "gr%C3%B6%C3%9Fe.2-%C3%BC"):
        assert get(f"/posts/{name}").json()["id"] == str(post.pk)


def test_an_old_slug_leads_to_the_new_one_with_its_query(client: Client, make_post: Callable[..., Post]) -> None:
    post = make_post(slug="old")
    update_post(actor=SYSTEM, post=post, changes={"slug": "größe"}, now=timezone.now())
    answer = client.get("/api/v2/posts/old?fields=id")
    assert (answer.status_code, answer.content) == (301, b"")
    assert answer.headers["Location"] == "/api/v2/posts/gr%C3%B6%C3%9Fe?fields=id"
    assert "max-age=0" in answer.headers["Cache-Control"]
    assert client.get("/api/v2/posts/old", follow=True).json()["id"] == str(post.pk)
    entrance = client.get("/api/posts/old", headers={"API-Version": "2"})
    assert entrance.headers["Location"] == "/api/posts/gr%C3%B6%C3%9Fe"


@pytest.fixture
def shelf(
    make_post: Callable[..., Post],
    make_category: Callable[..., Category],
    make_user: Callable[..., User],
    now: datetime.datetime,
) -> dict[str, Post]:
    """Five public posts that differ in everything a filter asks for."""
    science = make_category("Science")
    physics = make_category("Physics", parent=make_category("Nature", parent=science))
    mia = make_user("author", username="Mia")
    return {
        "a": make_post(title="a", tags=["Red", "Blue"], categories=[science], published_at=now - 5 * DAY),
        "b": make_post(title="b", tags=["Red"], language="de", published_at=now - 4 * DAY),
        "c": make_post(title="c", by=mia, categories=[physics], published_at=now - 3 * DAY),
        "d": make_post(title="d", by=mia, tags=["Blue", "Deep Green"], published_at=now - 2 * DAY),
        "e": make_post(title="e", kind="page", published_at=now - DAY),
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abcd"),
        ("kind=page", "e"),
        ("kind=post,page", "abcde"),
        ("language=de", "b"),
        ("language=de,en", "abcd"),
        ("language=DE", "b"),
        ("language=dE,En", "abcd"),
        ("author=mia", "cd"),
        ("author={mia}", "cd"),
        ("author={mia},author_0", "abcd"),
        ("tag=red", "ab"),
        ("tag={blue}", "ad"),
        ("tag=deep-green,{red}", "abd"),
        ("tag=deep GREEN", "d"),
        ("tag=red&author=mia", ""),
        ("category=science", "ac"),
        ("category=nature", "c"),
        ("category={physics}", "c"),
        ("category=nature,science", "ac"),
        ("ids={a},{c}", "ac"),
        ("ids={e}", ""),
        ("published_after={a_at}", "bcd"),
        ("published_before={c_at}", "ab"),
        ("published_after={a_at}&published_before={d_at}", "bc"),
        ("updated_after=2999-01-01T00:00:00Z", ""),
        ("updated_after=2020-01-01T00:00:00.5%2B02:00", "abcd"),
    ],
)
def test_filters_choose_posts_and_commas_mean_or(get: Get, shelf: dict[str, Post], query: str, expected: str) -> None:
    values: dict[str, Any] = {name: post.pk for name, post in shelf.items()}
    values |= {f"{name}_at": post.published_at.isoformat().replace("+00:00", "Z") for name, post in shelf.items()}
    values |= {tag.slug: tag.pk for post in shelf.values() for tag in post.tags.all()}
    values |= {category.slug: category.pk for category in Category.objects.all()}
    answer = get(f"/posts?sort=title&count=exact&{query.format(mia=shelf['c'].author_id, **values)}")
    assert "".join(titles(answer)) == expected
    assert answer.json()["page"]["total"] == len(expected)


def test_a_language_is_found_in_whatever_case_it_was_written(get: Get, make_post: Callable[..., Post]) -> None:
    for title, language in (("a", "pt-BR"), ("b", "PT-br"), ("c", "pt"), ("d", "pt-PT")):
        make_post(title=title, language=language)
    for tag in ("pt-BR", "pt-br", "PT-BR"):
        assert titles(get(f"/posts?sort=title&language={tag}")) == ["a", "b"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [("", "dcba"), ("sort=published_at", "abcd"), ("sort=-title", "dcba"), ("sort=created_at", "abcd"),
     ("sort=-updated_at", "dcba"), ("sort=-title,created_at", "dcba")],
)  # fmt: skip
def test_sorts_and_the_newest_first_without_one(get: Get, shelf: dict[str, Post], sort: str, expected: str) -> None:
    assert "".join(titles(get(f"/posts?{sort}"))) == expected


def test_fields_cut_the_columns_that_are_read(get: Get, make_post: Callable[..., Post]) -> None:
    make_post(tags=["a"])
    for path in ("/posts", "/posts/a-post"):
        with CaptureQueriesContext(connection) as queries:
            body = get(f"{path}?fields=title,id").json()
        post = body["data"][0] if path == "/posts" else body
        assert list(post) == ["title", "id"]
        (query,) = queries.captured_queries
        for column in ("content", "excerpt", "cms_post_tags", "cms_category", "co_authors"):
            assert column not in query["sql"]


def test_each_field_can_be_asked_for_alone(get: Get, make_post: Callable[..., Post]) -> None:
    make_post(tags=["a"])
    whole = get("/posts/a-post").json()
    for name in FIELDS:
        assert get(f"/posts/a-post?fields={name}").json() == {name: whole[name]}


def test_includes_stand_beside_the_data_once_each(
    get: Get, make_post: Callable[..., Post], make_category: Callable[..., Category], editor: User
) -> None:
    news = make_category("News", parent=make_category("All"))
    for title in ("a", "b"):
        make_post(title=title, tags=["x", "y"], categories=[news], co_authors=[editor])
    body = get("/posts?include=author,tags,categories&fields=title&sort=title").json()
    assert [list(post) for post in body["data"]] == [["title"], ["title"]]
    assert list(body["included"]) == ["authors", "tags", "categories"]
    assert [user["username"] for user in body["included"]["authors"]] == ["author_0", "editor_1"]
    assert [tag["name"] for tag in body["included"]["tags"]] == ["x", "y"]
    assert body["included"]["tags"][0] == get("/tags/x").json()
    assert body["included"]["categories"] == [get("/categories/news").json()]


@pytest.fixture
def picture(author: User) -> MediaFile:
    facts: Any = {"mime_type": "image/png", "size_bytes": 9, "sha256": "0" * 64, "width": 40, "height": 30}
    return MediaFile.objects.create(
        file="media/quay.png", original_name="quay.png", alt_text="A quay", uploaded_by=author, **facts
    )


def test_the_featured_image_is_included_as_its_reader_sees_it(
    get: Get, make_post: Callable[..., Post], picture: MediaFile, editor: User, client_of: Callable[[User], Client]
) -> None:
    for title in ("a", "b"):
        make_post(title=title, tags=["x"], featured_image=picture)
    make_post(title="c")
    seen = get(f"/media/{picture.pk}").json()
    assert (seen["width"], seen["height"], seen["alt_text"], seen["uploaded_by"]) == (40, 30, "A quay", None)
    for path in ("/posts?", "/posts?fields=id&", "/posts/a?", "/posts/a?fields=id&"):
        assert get(f"{path}include=featured_image").json()["included"] == {"featured_images": [seen]}, path
    both = get("/posts?include=tags,featured_image").json()["included"]
    assert both == {"tags": [get("/tags/x").json()], "featured_images": [seen]}
    assert get("/posts/c?include=featured_image").json()["included"] == {"featured_images": []}
    (told,) = get("/posts/a?include=featured_image", by=client_of(editor)).json()["included"]["featured_images"]
    assert told["uploaded_by"] == str(picture.uploaded_by_id)


def test_the_detail_carries_its_includes_within(get: Get, make_post: Callable[..., Post]) -> None:
    make_post(tags=["x"])
    body = get("/posts/a-post?include=tags,comment_count&fields=id").json()
    assert list(body) == ["id", "comment_count", "included"]
    assert [tag["slug"] for tag in body["included"]["tags"]] == ["x"]
    assert get("/posts/a-post?include=categories").json()["included"] == {"categories": []}
    assert "included" not in get("/posts/a-post?include=comment_count").json()


def test_comment_count_counts_what_readers_see(
    get: Get, make_post: Callable[..., Post], make_comment: Callable[..., Comment]
) -> None:
    post = make_post()
    for status in ("published", "published", "pending", "spam"):
        make_comment(post, status=status)
    assert get("/posts?include=comment_count").json()["data"][0]["comment_count"] == 2


def test_actions_are_what_the_caller_may_do_now(
    get: Get, hidden_posts: dict[str, Post], make_user: Callable[..., User], client_of: Callable[[User], Client],
    author: User, editor: User,
) -> None:  # fmt: skip
    expected = {
        "draft": ["update", "publish", "archive", "trash", "preview"],
        "scheduled": ["update", "unpublish", "archive", "trash", "preview", "publish"],
        "private": ["update", "unpublish", "archive", "trash", "preview"],
        "archived": ["update", "restore", "trash", "preview"],
        "trashed": ["update", "restore"],
    }
    co_author = make_user("author")
    for reason, actions in expected.items():
        hidden_posts[reason].co_authors.add(co_author)
        for user in (author, editor, co_author):
            assert get(f"/posts/{hidden_posts[reason].pk}", by=client_of(user)).json()["actions"] == actions


def test_a_reader_may_do_nothing_with_a_post(
    get: Get, make_post: Callable[..., Post], make_user: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    post = make_post()
    demoted = make_user("subscriber")
    post.co_authors.add(demoted)
    for role in ("subscriber", "author"):
        assert get("/posts/a-post", by=client_of(make_user(role))).json()["actions"] == []
    assert get("/posts/a-post", by=client_of(demoted)).json()["actions"] == []


@pytest.mark.parametrize("kind", _KINDS.values(), ids=_KINDS)
def test_what_is_included_has_all_columns_of_its_shape(kind: _Kind) -> None:
    assert {*columns_of(kind.shape, kind.shape)} <= {*_ENTITY, *chain(*kind.by_type)}
