"""The stored counts of public posts per tag and category, updated in the transaction that changes the post."""

import datetime
import uuid
from collections.abc import Collection
from typing import Any

from django.db.models import F, QuerySet, UUIDField, Value

from cms.choices import Kind
from cms.db.compiled import Given, ListOf, Row, compiled
from cms.models import Category, Post, Tag

TermIds = frozenset[uuid.UUID]
LOCK_WAIT_MAX = datetime.timedelta(minutes=1)


def term_ids_of(post: Post) -> tuple[TermIds, TermIds]:
    """Return the ids of a post's tags and of its categories. Call it under the post's row lock."""
    rows = _links_to_terms.rows(None, post=post.pk)
    tag_ids = frozenset(row["term"] for row in rows if row["is_tag"])
    return tag_ids, frozenset(row["term"] for row in rows if not row["is_tag"])


@compiled(post=UUIDField())
def _links_to_terms(_: None, given: Given) -> QuerySet[Any, Row]:
    tagged = Post.tags.through.objects.filter(post_id=given.post)
    filed = Post.categories.through.objects.filter(post_id=given.post)
    ids_of_categories: Any = filed.values(term=F("category_id"), is_tag=Value(False))
    both: Any = tagged.values(term=F("tag_id"), is_tag=Value(True)).union(ids_of_categories, all=True)
    return both  # type: ignore[no-any-return]


def lock_terms(tag_ids: Collection[uuid.UUID], category_ids: Collection[uuid.UUID]) -> tuple[TermIds, TermIds]:
    """Lock these tags, then these categories, each in the order of ids; the ids of those that are still there.

    It is the one order of all writers, and comes before a post's links to them: two posts that share terms can't wait
    for each other, and nobody deletes a term that a post is about to get.
    """
    return _lock(Tag, tag_ids), _lock(Category, category_ids)


def not_before(last: datetime.datetime, now: datetime.datetime) -> datetime.datetime:
    """Return `now`, or the row's last change if that is a little later.

    A writer that waited for the lock read its clock before. A change more than a minute later was no such wait:
    somebody chose its date, and it is ignored.
    """
    return last if datetime.timedelta() < last - now <= LOCK_WAIT_MAX else now


def settle_counts(
    post: Post, before: tuple[TermIds, TermIds], after: tuple[TermIds, TermIds], now: datetime.datetime
) -> None:
    """Add and take away what has changed of a post's terms, and remember in the row whether the post is counted.

    The caller holds the post's row lock.
    """
    moment = not_before(post.updated_at, now)
    was_counted, is_counted = post.is_counted, post.kind == Kind.POST and post.is_public(moment)
    for model, field, old, new in (
        (Tag, "usage_count", before[0], after[0]),
        (Category, "post_count", before[1], after[1]),
    ):
        old_ids, new_ids = old if was_counted else frozenset(), new if is_counted else frozenset()
        _add(model, field, gained=new_ids - old_ids, lost=old_ids - new_ids)
    if was_counted != is_counted:
        post.is_counted = is_counted
        Post.objects.filter(pk=post.pk).update(is_counted=is_counted)


def _add(
    model: type[Tag] | type[Category], field: str, *, gained: Collection[uuid.UUID], lost: Collection[uuid.UUID]
) -> None:
    changed = {*gained, *lost}
    if not changed:
        return
    _lock(model, changed)
    if gained:
        model.objects.filter(pk__in=gained).update(**{field: F(field) + 1})
    if lost:
        model.objects.filter(pk__in=lost).update(**{field: F(field) - 1})


def _lock(model: type[Tag] | type[Category], ids: Collection[uuid.UUID]) -> TermIds:
    if not ids:
        return frozenset()
    return frozenset(row["pk"] for row in _locked_terms.rows(model, ids=list(ids)))


@compiled(ids=ListOf(UUIDField()))
def _locked_terms(model: type[Tag] | type[Category], given: Given) -> QuerySet[Any, Row]:
    # no_key: rows that refer to a term, such as the links of a post that nobody counts, need its key alone.
    rows = model._default_manager.select_for_update(no_key=True).filter(pk__any_of=given.ids).order_by("pk")
    return rows.values("pk")
