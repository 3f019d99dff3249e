"""A walk through a list while others write: every row that stays comes exactly once, whatever the sort."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cms.choices import Kind, Status
from cms.models import Post, User
from tests.api_v2.walking import last_page, walk, walk_back

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
SORTS = [
    "-published_at",
    "published_at",
    "title",
    "-published_at,title",
    "title,-updated_at",
    "-created_at,published_at",
]
# Few different values, so that ties are the rule; microseconds of 0, 3 and 6 digits, which SQLite writes differently.
instants = st.sampled_from(
    [datetime.timedelta(0), datetime.timedelta(milliseconds=1), datetime.timedelta(microseconds=7)]
)
drafts = st.tuples(st.sampled_from("abc"), st.none() | instants, instants)
states = st.fixed_dictionaries(
    {"status": st.sampled_from(["draft", "trashed", "archived"]), "kind": st.sampled_from(Kind)}
)
published = st.fixed_dictionaries({"status": st.just("published"), "kind": st.sampled_from(Kind)})
# By a constraint nothing is published without an instant.
rows_of_all_states = st.tuples(drafts, states) | st.tuples(
    st.tuples(st.sampled_from("abc"), instants, instants), published
)
statuses = st.lists(
    st.sampled_from(["draft", "trashed", "archived", "published", "scheduled"]), min_size=1, unique=True
)
kinds = st.lists(st.sampled_from(Kind), min_size=1, unique=True)


def insert_draft(
    author: User, number: int, title: str, published: Any, updated: datetime.timedelta, **more: Any
) -> Post:
    return Post.objects.create(
        title=title,
        slug=f"row-{number}",
        content="x",
        author=author,
        created_at=START,
        updated_at=START + updated,
        published_at=None if published is None else START + published,
        status_before_trash="draft" if more.get("status") == "trashed" else "",
        **more,
    )


@pytest.fixture
def reader(client_of: Callable[[User], Client], editor: User) -> Client:
    return client_of(editor)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sort=st.sampled_from(SORTS),
    limit=st.integers(1, 4),
    rows=st.lists(drafts, max_size=12),
    changes=st.lists(st.tuples(st.sampled_from(["insert", "delete", "edit", "touch"]), st.integers(0, 99), drafts)),
)
def test_every_row_that_stays_comes_exactly_once(
    reader: Client, editor: User, sort: str, limit: int, rows: list[Any], changes: list[Any]
) -> None:
    Post.objects.all().delete()
    start = [insert_draft(editor, number, *row) for number, row in enumerate(rows)]
    moved: set[str] = set()
    todo = iter(changes)

    def write() -> None:
        kind, place, row = next(todo, ("rest", 0, None))
        post = start[place % len(start)] if start else None
        if kind == "insert":
            insert_draft(editor, 100 + Post.objects.count() + place * 100, *row)  # type: ignore[misc]
        elif post and kind == "touch":  # a change of no sort key moves nothing
            Post.objects.filter(pk=post.pk).update(excerpt="touched")
        elif post and kind in ("delete", "edit"):
            moved.add(str(post.pk))
            found = Post.objects.filter(pk=post.pk)
            found.delete() if kind == "delete" else found.update(title="d", updated_at=START + datetime.timedelta(1))

    found = [post["id"] for post in walk(reader, f"/posts?status=draft&sort={sort}&limit={limit}", between=write)]
    stayed = {str(post.pk) for post in start} - moved
    assert sorted(pk for pk in found if pk in stayed) == sorted(stayed)
    inserted = set(found) - stayed - moved
    assert all(found.count(pk) == 1 for pk in inserted)


def order_of(sort: str, posts: list[Post]) -> list[str]:
    """The model: keys as they run, NULLs last always, the id in the direction of the last key."""
    keys = sort.split(",")
    ordered = sorted(posts, key=lambda post: post.pk, reverse=keys[-1].startswith("-"))
    for key in reversed(keys):
        name = key.removeprefix("-")
        valued = [post for post in ordered if getattr(post, name) is not None]
        nulls = [post for post in ordered if getattr(post, name) is None]
        ordered = sorted(valued, key=lambda post: getattr(post, name), reverse=key.startswith("-")) + nulls
    return [str(post.pk) for post in ordered]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sort=st.sampled_from(SORTS), limit=st.integers(1, 5), rows=st.lists(drafts, max_size=12))
def test_both_ways_give_one_order_with_nulls_last(
    reader: Client, editor: User, sort: str, limit: int, rows: list[Any]
) -> None:
    Post.objects.all().delete()
    posts = [insert_draft(editor, number, *row) for number, row in enumerate(rows)]
    path = f"/posts?status=draft,trashed&sort={sort}&limit={limit}"
    expected = order_of(sort, posts)
    assert [post["id"] for post in walk(reader, path)] == expected
    assert [post["id"] for post in walk_back(reader, last_page(reader, path))] == expected


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sort=st.sampled_from(SORTS),
    limit=st.integers(1, 5),
    rows=st.lists(rows_of_all_states, max_size=14),
    asked=st.tuples(statuses, kinds),
)
def test_several_states_and_kinds_make_one_list(
    reader: Client, editor: User, sort: str, limit: int, rows: list[Any], asked: tuple[list[str], list[str]]
) -> None:
    Post.objects.all().delete()
    posts = [insert_draft(editor, number, *row, **more) for number, (row, more) in enumerate(rows)]
    path = f"/posts?status={','.join(asked[0])}&kind={','.join(asked[1])}&sort={sort}&limit={limit}"
    expected = order_of(sort, [post for post in posts if post.status in asked[0] and post.kind in asked[1]])
    assert [post["id"] for post in walk(reader, path)] == expected
    assert [post["id"] for post in walk_back(reader, last_page(reader, path))] == expected
    counted = reader.get(f"/api/v2{path}&count=exact").json()["page"]["total"]
    assert counted == len(expected)


def test_rows_with_the_databases_own_clock_are_not_lost_between_pages(reader: Client, editor: User) -> None:
    posts = [Post.objects.create(title="t", slug=f"s{n}", content="x", author=editor) for n in range(5)]
    for sort in ("created_at", "-created_at", "-updated_at"):
        found = walk(reader, f"/posts?status=draft&sort={sort}&limit=1")
        assert sorted(post["id"] for post in found) == sorted(str(post.pk) for post in posts)


def test_a_page_whose_rows_are_gone_leads_back_to_its_neighbours(
    client: Client, make_post: Callable[..., Post]
) -> None:
    first, second, third = (make_post(title=title) for title in "abc")
    page = client.get("/api/v2/posts?sort=title&limit=1").json()["page"]
    after_second = client.get(page["next"]).json()["page"]
    Post.objects.filter(pk=third.pk).update(status=Status.DRAFT)
    empty = client.get(after_second["next"]).json()
    assert (empty["data"], empty["page"]["next"], empty["page"]["has_more"]) == ([], None, False)
    back = client.get(empty["page"]["previous"]).json()
    assert [post["id"] for post in back["data"]] == [str(second.pk)]
    Post.objects.filter(pk=first.pk).update(status=Status.DRAFT)
    beginning = client.get(back["page"]["previous"]).json()
    assert (beginning["data"], beginning["page"]["previous"]) == ([], None)
    assert [post["id"] for post in client.get(beginning["page"]["next"]).json()["data"]] == [str(second.pk)]


@pytest.mark.parametrize(
    "query", ["sort=title", "sort=title&tag=x", "sort=title&q=content", "sort=-published_at,title"]
)
def test_a_page_that_was_gone_back_to_says_whether_anything_comes_after_it(
    client: Client, make_post: Callable[..., Post], query: str
) -> None:
    posts = [make_post(title=title, tags=["x"]) for title in ("cba" if "-" in query else "abc")]
    first = client.get(f"/api/v2/posts?{query}&limit=2").json()
    third = client.get(first["page"]["next"]).json()
    back = client.get(third["page"]["previous"]).json()
    assert (back["data"], back["page"]["has_more"]) == (first["data"], True)
    last = next(post for post in posts if str(post.pk) == third["data"][0]["id"])
    Post.objects.filter(pk=last.pk).update(status=Status.DRAFT)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(third["page"]["previous"])
    assert answer.json()["data"] == first["data"]
    assert (answer.json()["page"]["next"], answer.json()["page"]["has_more"]) == (None, False)
    assert "Link" not in answer.headers
    assert len(queries) <= 2 + ("tag" in query)


def test_a_post_that_becomes_public_during_a_walk_repeats_nothing(
    client: Client, make_post: Callable[..., Post], now: datetime.datetime
) -> None:
    old = [make_post(title=f"old {n}") for n in range(3)]
    found = walk(client, "/posts?limit=1", between=lambda: make_post(title="new", published_at=now) and None)
    assert sorted(post["id"] for post in found) == sorted(str(post.pk) for post in old)
