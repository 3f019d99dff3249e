"""Queries whose text is kept: the second reader of the same kind gets what is true for it."""

import datetime
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from cms.db import statements
from cms.models import Post, Tag
from cms.policy import SYSTEM
from cms.services.posts import update_post

SECOND = datetime.timedelta(seconds=1)


def test_a_kept_statement_runs_with_each_readers_own_name_and_present(
    make_post: Callable[..., Post], now: datetime.datetime
) -> None:
    soon = make_post(title="Soon", published_at=now + SECOND)
    other = make_post(title="Other")

    def build(at: datetime.datetime, name: statements.Name) -> QuerySet[Any, Any]:
        return Post.objects.public(at).with_slug_or_id(str(name)).values("id", "title", "published_at")

    def titles(name: statements.Name, at: datetime.datetime) -> list[str]:
        rows = statements.fetch("titles", build, at, name)
        assert rows == list(build(at, name))
        return [row["title"] for row in rows]

    for name in ("soon", soon.pk):
        assert titles(name, now) == []
        assert titles(name, now + SECOND) == ["Soon"]
    assert titles("other", now) == titles(other.pk, now) == ["Other"]
    assert titles("nowhere", now) == []


def test_a_query_that_can_have_no_rows_has_none(db: None) -> None:
    assert statements.fetch("none", lambda *_: Post.objects.none().values("id"), timezone.now(), "") == []


def test_statements_are_forgotten_before_there_are_too_many(db: None) -> None:
    for number in range(statements.KEPT_MAX + 1):
        statements.fetch(number, lambda *_: Post.objects.none().values("id"), timezone.now(), "")
    assert len(statements._kept) <= statements.KEPT_MAX


def test_lists_and_posts_stay_right_when_they_are_asked_for_again(get: Any, make_post: Callable[..., Post]) -> None:
    post = make_post(title="First", tags=["Tea"])
    paths = ("/posts", "/posts?fields=title&sort=title", "/posts?tag=tea", "/posts?author=nobody", "/posts?limit=1")
    before = {path: get(path).json()["data"] for path in paths}
    assert [len(posts) for posts in before.values()] == [1, 1, 1, 0, 1]
    make_post(title="Second", tags=["Tea"], published_at=timezone.now())
    update_post(actor=SYSTEM, post=post, changes={"title": "Still first"}, now=timezone.now())
    after = {path: [found["title"] for found in get(path).json()["data"]] for path in paths}
    both = ["Second", "Still first"]
    assert list(after.values()) == [both, both, both, [], ["Second"]]
    assert get("/posts?limit=1").json()["page"]["has_more"] is True


@pytest.mark.parametrize("count", [0, 1, 4, statements.SIZES[-1], statements.SIZES[-1] + 1])
def test_a_statement_with_a_list_finds_each_readers_own_names(db: None, count: int) -> None:
    texts = [f"tag-{number:03}" for number in range(2 * count)]
    Tag.objects.bulk_create(Tag(name=text, name_key=text, slug=text) for text in texts)
    tags = list(Tag.objects.order_by("name"))

    def by_slug(slugs: Sequence[str]) -> QuerySet[Any, Any]:
        return Tag.objects.filter(slug__in=slugs).order_by("name").values("id", "name")

    def by_id(ids: Sequence[uuid.UUID]) -> QuerySet[Any, Any]:
        rows: QuerySet[Any, Any] = Tag.objects.filter(pk__in=ids).order_by("name")
        return rows.values(*statements.columns_of(Tag))

    for own in (tags[:count], tags[count:]):
        found = statements.fetch_named("by_slug", by_slug, [tag.slug for tag in reversed(own)])
        assert found == [{"id": tag.pk, "name": tag.name} for tag in own]
        made = statements.objects_of(Tag, statements.fetch_named("by_id", by_id, [tag.pk for tag in own]))
        assert [vars(tag) | {"_state": None} for tag in made] == [vars(tag) | {"_state": None} for tag in own]
        assert all(tag._state.db and not tag._state.adding for tag in made)
