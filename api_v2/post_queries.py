"""The reads of posts: a page of them, their number, and one of them, each compiled once for each shape."""

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from django.db.models import Count, DateTimeField, QuerySet, TextField, UUIDField, Value
from django.http import HttpRequest

from api_v2.keyset import Sort
from api_v2.pagination import Page, PageRequest, Window, first_rows, page_of
from api_v2.post_filters import VALUES, Choice, posts_chosen, reading_of
from api_v2.selection import PostSelection
from cms.db.compiled import Given, Row, compiled
from cms.models import Post
from cms.querysets.posts import PostQuerySet
from cms.querysets.readers import Reader
from cms.search import filter_posts, searching

NEXT_CHANGE = "next_change_at"


@dataclass(frozen=True)
class PageShape:
    reader: Reader
    choice: Choice
    sort: Sort
    window: Window
    selection: PostSelection

    @property
    def is_planned(self) -> bool:
        """Return whether one plan is as good for all values: a filter may leave few rows, or nearly all."""
        return not self.choice.filters


@compiled(now=DateTimeField(), viewer=UUIDField(), **VALUES)
def page_of_posts(shape: PageShape, given: Given) -> QuerySet[Any, Row]:
    return _page(shape, given, _chosen(shape.reader, shape.choice, given))


def read_posts(
    request: HttpRequest, shape: PageShape, wanted: PageRequest, values: dict[str, Any], text: str | None = None
) -> Page:
    """Return a page of posts: those that match `text`, if there is one. `values` are the parameters of both queries."""
    if text is None:
        more = values | wanted.values
        rows = page_of_posts.rows(shape, is_planned=shape.is_planned, **more)
        total = _count(shape, values) if wanted.is_counted else None
    else:
        # No text is kept of a search: its conditions are too many.
        given = SimpleNamespace(**values)
        with searching():
            found = filter_posts(_chosen(shape.reader, shape.choice, given), text)
            rows = list(_page(replace(shape, window=wanted), given, found, is_searched=True))
            total = found.count() if wanted.is_counted else None
    return page_of(request, wanted, rows, sort=shape.sort, total=total)


def _page(shape: PageShape, given: Given, rows: PostQuerySet, *, is_searched: bool = False) -> QuerySet[Any, Row]:
    reader = shape.reader.with_id(given.viewer)

    def select(found: PostQuerySet) -> QuerySet[Any, Row]:
        return shape.selection.columns(found.with_next_change(given.now), reader, *shape.sort.columns, NEXT_CHANGE)

    how = reading_of(shape.choice, shape.sort, given.now, is_searched=is_searched)
    return first_rows(rows, shape.window, sort=shape.sort, select=select, how=how)


def _count(shape: PageShape, values: dict[str, Any]) -> int:
    counted = number_of_posts.rows((shape.reader, shape.choice), is_planned=shape.is_planned, **values)
    return sum(row["total"] for row in counted)


@compiled(now=DateTimeField(), viewer=UUIDField(), **VALUES)
def number_of_posts(shape: tuple[Reader, Choice], given: Given) -> QuerySet[Any, Row]:
    rows = _chosen(*shape, given).order_by()
    return rows.values(one=Value(1)).annotate(total=Count("*")).values("total")  # one group of all, or none


def _chosen(reader: Reader, choice: Choice, given: Given) -> PostQuerySet:
    return posts_chosen(Post.objects.visible_to(reader.with_id(given.viewer), given.now), choice, given)


@dataclass(frozen=True)
class PostShape:
    reader: Reader
    selection: PostSelection
    is_by_id: bool


@compiled(now=DateTimeField(), viewer=UUIDField(), id=UUIDField(), slug=TextField())
def one_post(shape: PostShape, given: Given) -> QuerySet[Any, Row]:
    reader = shape.reader.with_id(given.viewer)
    visible = Post.objects.visible_to(reader, given.now)
    named = visible.filter(pk=given.id) if shape.is_by_id else visible.filter(slug=given.slug)
    return shape.selection.columns(named, reader, "version", "updated_at", "expires_at")[:1]


@compiled(id=UUIDField())
def changed_post(shape: tuple[Reader, PostSelection], given: Given) -> QuerySet[Any, Row]:
    """One's own change is read without a look at what is visible: its author may have left the post by it."""
    reader, selection = shape
    return selection.columns(Post.objects.filter(pk=given.id), reader.with_id(None), "version", "updated_at")
