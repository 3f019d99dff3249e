"""GET /posts: shape, pages, order, filters."""

import datetime
import math
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from cms.models import Post, User
from cms.policy import SYSTEM
from cms.services.post_states import archive_post
from tests.api_v1.conftest import ids_of, items_of

PATH = "/api/v1/posts"


def titles_of(response: Any) -> list[str]:
    return [item["title"] for item in items_of(response)]


def test_a_post_has_exactly_these_fields(anonymous: Client, make_post: Any, make_category: Any, author: User) -> None:
    noon = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
    post = make_post(
        title="A title",
        content="*Text*.",
        excerpt="Short.",
        tags=["b", "a"],
        categories=[make_category("News"), make_category("Art")],
        meta_title="Meta",
        published_at=noon,
        created_at=noon,
    )
    (item,) = items_of(anonymous.get(PATH))
    metadata = {"meta_title": "Meta", "meta_description": None, "categories": ["Art", "News"]}
    assert item == {
        "id": str(post.pk),
        "title": "A title",
        "content": "*Text*.",
        "excerpt": "Short.",
        "status": "published",
        "author_id": str(author.pk),
        "tags": ["a", "b"],
        "metadata": metadata,
        "created_at": "2026-03-01T12:00:00.000000Z",
        "updated_at": post.updated_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "published_at": "2026-03-01T12:00:00.000000Z",
    }
    assert list(item) == [
        *("id", "title", "content", "excerpt", "status", "author_id", "tags", "metadata"),
        *("created_at", "updated_at", "published_at"),
    ]


def test_an_empty_list_has_one_page(anonymous: Client) -> None:
    data = anonymous.get(PATH).json()["data"]
    assert data == {"items": [], "total": 0, "page": 1, "limit": 20, "total_pages": 1}
    assert list(data) == ["items", "total", "page", "limit", "total_pages"]


def test_pages_are_no_posts(anonymous: Client, make_post: Any) -> None:
    make_post(kind="page")
    assert items_of(anonymous.get(PATH)) == []


BIG = "9" * 5_000


@pytest.mark.parametrize(
    ("query", "page", "limit", "count"),
    [
        ("", 1, 20, 20),
        ("page=2", 2, 20, 3),
        ("page=3", 3, 20, 0),
        ("page=0", 1, 20, 20),
        ("page=-1", 1, 20, 20),
        ("page=two", 1, 20, 20),
        ("page=1.5", 1, 20, 20),
        ("page=", 1, 20, 20),
        ("page=５", 1, 20, 20),
        ("page=02", 2, 20, 3),
        ("page=1&page=2", 2, 20, 3),
        ("page=9223372036854775807", 2**53 - 1, 20, 0),
        (f"page={BIG}", 2**53 - 1, 20, 0),
        (f"page={BIG}&limit={BIG}", 2**53 - 1, 100, 0),
        ("limit=1", 1, 1, 1),
        ("limit=0", 1, 20, 20),
        ("limit=-5", 1, 20, 20),
        ("limit=many", 1, 20, 20),
        ("limit=22", 1, 22, 22),
        ("limit=100", 1, 100, 23),
        ("limit=101", 1, 100, 23),
        ("page=8&limit=3", 8, 3, 2),
        ("page=%00&limit=%00&colour=blue", 1, 20, 20),
    ],
)
def test_pages_are_tolerant_and_never_lie(
    query: str, page: int, limit: int, count: int, anonymous: Client, many_posts: None
) -> None:
    data = anonymous.get(f"{PATH}?{query}").json()["data"]
    assert (data["page"], data["limit"], len(data["items"])) == (page, limit, count)
    assert (data["total"], data["total_pages"]) == (23, math.ceil(23 / limit))


@pytest.fixture
def many_posts(make_post: Callable[..., Post]) -> None:
    """23 public posts, all made at the same instant, so that only the tie-breaker orders them."""
    first = make_post()
    columns = {field.attname: getattr(first, field.attname) for field in Post._meta.concrete_fields}
    del columns["id"]
    Post.objects.bulk_create(Post(**{**columns, "slug": f"post-{number}"}) for number in range(22))


@pytest.mark.parametrize("sort", ["", "created_at", "-title", "title", "-published_at", "updated_at", "rubbish"])
def test_a_walk_over_the_pages_meets_every_post_once(sort: str, anonymous: Client, many_posts: None) -> None:
    met = [uuid for page in range(1, 6) for uuid in ids_of(anonymous.get(f"{PATH}?sort={sort}&limit=5&page={page}"))]
    assert len(met) == len(set(met)) == 23
    assert set(met) == {str(uuid) for uuid in Post.objects.values_list("id", flat=True)}


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", "CAB"),
        ("-created_at", "CAB"),
        ("created_at", "BAC"),
        ("title", "ABC"),
        ("-title", "CBA"),
        ("published_at", "ACB"),
        ("-published_at", "BCA"),
        ("updated_at", "ABC"),
        ("-updated_at", "CBA"),
        ("content", "CAB"),
        ("author__password", "CAB"),
        ("--title", "CAB"),
        ("?", "CAB"),
        ("title,created_at", "CAB"),
    ],
)
def test_a_list_is_sorted_as_asked_and_newest_first_otherwise(
    sort: str, order: str, anonymous: Client, make_post: Any, now: datetime.datetime
) -> None:
    def days_ago(days: int) -> datetime.datetime:
        return now - datetime.timedelta(days=days)

    for title, created, published in (("A", 2, 9), ("B", 3, 7), ("C", 1, 8)):
        make_post(title=title, created_at=days_ago(created), published_at=days_ago(published))
    assert "".join(titles_of(anonymous.get(PATH, {"sort": sort}))) == order


@pytest.mark.parametrize(("sort", "order"), [("published_at", "OND"), ("-published_at", "NOD")])
def test_what_was_never_published_stands_last_both_ways(
    sort: str, order: str, client_of: Any, editor: User, make_post: Any, now: datetime.datetime
) -> None:
    for title, days in (("N", 1), ("O", 2)):
        post = make_post(title=title, published_at=now - datetime.timedelta(days=days))
        archive_post(actor=SYSTEM, post=post, now=now)
    archive_post(actor=SYSTEM, post=make_post(title="D", is_published=False), now=now)
    response = client_of(editor).get(PATH, {"sort": sort, "status": "archived"})
    assert "".join(titles_of(response)) == order


def test_the_author_filter_takes_a_uuid(anonymous: Client, make_post: Any, make_user: Any) -> None:
    other = make_user("author")
    make_post(title="Mine")
    make_post(title="Theirs", by=other)
    assert titles_of(anonymous.get(PATH, {"author": str(other.pk)})) == ["Theirs"]
    assert titles_of(anonymous.get(PATH, {"author": other.pk.hex})) == ["Theirs"]
    assert titles_of(anonymous.get(PATH, {"author": "01900000-0000-7000-8000-000000000000"})) == []
    assert len(items_of(anonymous.get(PATH, {"author": ""}))) == 2
    response = anonymous.get(PATH, {"author": other.username})
    assert (response.status_code, response.json()["success"]) == (400, False)


@pytest.mark.parametrize("tag", ["C sharp", "c SHARP", "c-sharp"])
def test_the_tag_filter_takes_a_name_or_a_slug(tag: str, anonymous: Client, make_post: Any) -> None:
    make_post(title="Tagged", tags=["C sharp", "other"])
    make_post(title="Not tagged", tags=["other"])
    data = anonymous.get(PATH, {"tag": tag}).json()["data"]
    assert ([item["title"] for item in data["items"]], data["total"]) == (["Tagged"], 1)


def test_a_post_that_two_tags_match_is_listed_once(anonymous: Client, make_post: Any) -> None:
    make_post(tags=["a b", "a-b"])
    data = anonymous.get(PATH, {"tag": "a-b"}).json()["data"]
    assert (len(data["items"]), data["total"]) == (1, 1)


@pytest.mark.parametrize("tag", ["unknown", "\0", "a\0b", "x" * 10_000, "'; --"])
def test_an_unknown_tag_gives_an_empty_list(tag: str, anonymous: Client, make_post: Any) -> None:
    make_post(tags=["a"])
    assert items_of(anonymous.get(PATH, {"tag": tag})) == []


@pytest.mark.parametrize("status", ["draft", "archived", "trashed", "scheduled", "rubbish", ""])
@pytest.mark.parametrize("role", [None, "subscriber"])
def test_the_status_filter_is_ignored_for_who_sees_no_more_than_published(
    role: str | None,
    status: str,
    anonymous: Client,
    client_of: Any,
    make_user: Any,
    make_hidden_post: Any,
    make_post: Any,
) -> None:
    make_post(title="Public")
    make_hidden_post("draft")
    make_hidden_post("archived")
    client = client_of(make_user(role)) if role else anonymous
    assert titles_of(client.get(PATH, {"status": status})) == ["Public"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("", {"Public", "A scheduled post", "A private post", "An expired post"}),
        ("published", {"Public", "A scheduled post", "A private post", "An expired post"}),
        ("draft", {"A draft post"}),
        ("archived", {"An archived post"}),
        ("trashed", {"Public", "A scheduled post", "A private post", "An expired post"}),
        ("scheduled", {"Public", "A scheduled post", "A private post", "An expired post"}),
    ],
)
@pytest.mark.parametrize("viewer", ["author", "editor"])
def test_authors_and_editors_choose_a_status(
    viewer: str, status: str, expected: set[str], request: Any, client_of: Any, one_of_each: None
) -> None:
    items = items_of(client_of(request.getfixturevalue(viewer)).get(PATH, {"status": status}))
    assert {item["title"] for item in items} == expected
    assert {item["status"] for item in items} == {"published" if "Public" in expected else status}


@pytest.fixture
def one_of_each(make_post: Any, make_hidden_post: Any) -> None:
    make_post(title="Public")
    for state in ("draft", "scheduled", "private", "trashed"):
        make_hidden_post(state)
    make_hidden_post("expired", title="An expired post")
    make_hidden_post("archived", title="An archived post")


@pytest.mark.parametrize("status", ["draft", "archived", ""])
def test_an_author_sees_no_hidden_posts_of_others(
    status: str, client_of: Any, make_user: Any, make_hidden_post: Any
) -> None:
    for state in ("draft", "archived", "scheduled", "private"):
        make_hidden_post(state)
    response = client_of(make_user("author")).get(PATH, {"status": status})
    assert response.json()["data"]["total"] == 0
    assert items_of(response) == []


def test_a_co_author_sees_a_draft(client_of: Any, make_user: Any, make_hidden_post: Any) -> None:
    co_author = make_user("author")
    draft = make_hidden_post("draft", co_authors=[co_author])
    client = client_of(co_author)
    assert ids_of(client.get(PATH, {"status": "draft"})) == [str(draft.pk)]
    assert client.get(f"{PATH}/{draft.pk}").status_code == 200


@pytest.mark.parametrize("sort", ["title", "-created_at"])
def test_a_far_page_is_the_same_as_a_near_one(
    sort: str, anonymous: Client, many_posts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    near = items_of(anonymous.get(f"/api/v1/posts?sort={sort}&limit=5&page=3"))
    monkeypatch.setattr("api_v1.pagination.FAR", 10)
    assert near
    assert items_of(anonymous.get(f"/api/v1/posts?sort={sort}&limit=5&page=3")) == near
