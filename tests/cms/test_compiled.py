"""Compiled queries: the text of a shape is kept, the values are each caller's own, and lists have any length."""

import datetime
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db.models import DateTimeField, F, QuerySet, TextField, UUIDField
from django.utils import timezone

from cms.db import compiled as module
from cms.db.compiled import Given, ListOf, Row, columns_of, compiled, objects_of
from cms.models import Post, Tag, User

SECOND = datetime.timedelta(seconds=1)


@compiled(now=DateTimeField(), id=UUIDField(), slug=TextField())
def titles(is_by_id: bool, given: Given) -> QuerySet[Any, Row]:
    named = {"pk": given.id} if is_by_id else {"slug": given.slug}
    return Post.objects.public(given.now).filter(**named).values("title", "published_at")


@compiled(ids=ListOf(UUIDField()), slugs=ListOf(TextField()))
def tags(by: str, given: Given) -> QuerySet[Any, Row]:
    chosen = {"ids": {"pk__any_of": given.ids}, "slugs": {"slug__any_of": given.slugs}}[by]
    rows: QuerySet[Any, Row] = Tag.objects.filter(**chosen).order_by("name").values(*columns_of(Tag))
    return rows


@compiled(ids=ListOf(UUIDField()))
def numbers_of_posts(_: None, given: Given) -> Any:
    return Post.objects.filter(author_id__any_of=given.ids).order_by("title").values_list("title", F("author_id"))


def test_a_kept_text_runs_with_each_callers_own_values(make_post: Callable[..., Post], now: datetime.datetime) -> None:
    soon, other = make_post(title="Soon", published_at=now + SECOND), make_post(title="Other")

    def found(at: datetime.datetime, *, id: uuid.UUID | None = None, slug: str = "") -> list[Any]:
        values = {"now": at, "id": id, "slug": slug}
        rows = titles.rows(id is not None, **values)
        assert rows == list(titles.build(id is not None, SimpleNamespace(**values)))
        return [row["title"] for row in rows]

    for name in ({"slug": "soon"}, {"id": soon.pk}):
        assert found(now, **name) == []  # type: ignore[arg-type]
        assert found(now + SECOND, **name) == ["Soon"]  # type: ignore[arg-type]
    assert found(now, slug="other") == found(now, id=other.pk) == ["Other"]
    assert found(now, slug="nowhere") == []


@pytest.mark.parametrize("count", [0, 1, 4, 250])
def test_a_list_of_any_length_is_one_parameter(db: None, count: int) -> None:
    names = [f"tag-{number:03}" for number in range(2 * count)]
    Tag.objects.bulk_create(Tag(name=name, name_key=name, slug=name) for name in names)
    made = list(Tag.objects.order_by("name"))
    for own in (made[:count], made[count:]):
        for by in ("ids", "slugs"):
            values = {"ids": [tag.pk for tag in reversed(own)], "slugs": [tag.slug for tag in own]}
            assert objects_of(Tag, tags.rows(by, **values)) == own
            assert objects_of(Tag, tags.build(by, SimpleNamespace(**values))) == own


def test_a_list_may_be_compared_with_a_relation(make_post: Callable[..., Post], make_user: Callable[..., User]) -> None:
    one, two = make_user("author"), make_user("author")
    for number, writer in enumerate((one, two, one)):
        make_post(title=f"Post {number}", by=writer)
    assert numbers_of_posts.tuples(None, ids=[one.pk]) == [("Post 0", one.pk), ("Post 2", one.pk)]
    assert [title for title, _ in numbers_of_posts.tuples(None, ids=[one.pk, two.pk])] == ["Post 0", "Post 1", "Post 2"]


def test_a_query_that_can_have_no_rows_has_none(db: None) -> None:
    @compiled()
    def nothing(_: None, given: Given) -> QuerySet[Any, Row]:
        return Post.objects.none().values("id")

    assert nothing.rows(None) == []


def test_texts_are_forgotten_before_there_are_too_many(db: None) -> None:
    @compiled()
    def numbered(number: int, _: Given) -> QuerySet[Any, Row]:
        return Post.objects.none().values("id")

    for number in range(module.KEPT_MAX + 1):
        assert numbered.rows(number) == []
    assert module._text_of.cache_info().currsize == module.KEPT_MAX


def test_a_parameter_without_a_value_is_named(db: None) -> None:
    with pytest.raises(KeyError, match="slug"):
        titles.rows(False, now=timezone.now(), id=None)
