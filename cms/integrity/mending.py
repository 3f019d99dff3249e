"""Changing a post to mend it: under its lock, with a new version, counts, index and an event, as a service would.

Counts are made from scratch, not changed by difference: nobody knows whether they were right before.
"""

import datetime
import uuid
from collections.abc import Callable, Collection
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, F, Q

from cms.models import Category, Post, Tag
from cms.policy import SYSTEM
from cms.search.documents import SOURCE_FIELDS, index_posts
from cms.services.audit import record_event
from cms.services.counts import lock_terms, term_ids_of
from cms.services.posts import LONG_TEXTS, save_change
from cms.services.revisions import SNAPSHOT_FIELDS, write_revision
from cms.services.settling import plan_settling

LONG: Final = {"content", "content_html", "excerpt"}
SHOWN: Final = (str, int, bool, type(None))


def mend_post(pk: uuid.UUID, check_id: str, now: datetime.datetime, change: Callable[[Post], Any]) -> bool:
    """Let `change` set columns of the locked post; whether it set any to something else."""
    with transaction.atomic():
        post = Post.objects.select_for_update(no_key=True).filter(pk=pk).first()
        if post is None:
            return False
        columns = [field.attname for field in post._meta.concrete_fields]
        old = {name: getattr(post, name) for name in columns}
        change(post)
        changed = {name for name in columns if getattr(post, name) != old[name]}
        if not changed:
            return False
        if changed & {"status", "published_at"}:
            plan_settling(post, now)
        save_change(post, now, is_text_changed=bool(changed & {*LONG_TEXTS}))
        recount_post(post, now)
        if changed & (SOURCE_FIELDS | {"content_html"}):
            index_posts([post])
        if changed & set(SNAPSHOT_FIELDS):
            write_revision(SYSTEM, post, f"repaired: {check_id}", now)
        _record(post, check_id, {name: old[name] for name in sorted(changed - LONG)})
    return True


def recount_post(post: Post, now: datetime.datetime) -> None:
    """Set whether a locked post is counted, and the counts of all its terms."""
    tag_ids, category_ids = term_ids_of(post)
    lock_terms(tag_ids, category_ids)
    post.is_counted = Post.objects.public(now).posts().filter(pk=post.pk).exists()
    Post.objects.filter(pk=post.pk).update(is_counted=post.is_counted)
    recount_terms(Tag, "usage_count", tag_ids)
    recount_terms(Category, "post_count", category_ids)


def recount_terms(model: type[Tag] | type[Category], field: str, ids: Collection[uuid.UUID]) -> int:
    """How many counts were wrong. The caller has locked the terms: who changes a count holds that lock to the end."""
    counted = Count("posts", filter=Q(posts__is_counted=True))
    rows = model._default_manager.filter(pk__in=ids).annotate(counted=counted)
    wrong = dict(rows.exclude(**{field: F("counted")}).values_list("pk", "counted"))
    for pk, number in wrong.items():
        model._default_manager.filter(pk=pk).update(**{field: number})
    return len(wrong)


def _record(post: Post, check_id: str, before: dict[str, Any]) -> None:
    after = {name: _plain(getattr(post, name)) for name in before}
    record_event(
        SYSTEM,
        "post.updated",
        post,
        before={name: _plain(value) for name, value in before.items()},
        after={**after, "repaired": check_id},
    )


def _plain(value: Any) -> Any:
    return value if isinstance(value, SHOWN) else str(value)
