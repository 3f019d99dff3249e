"""Merging tags: no post loses one, counts stay true, and the audit trail names all of it."""

import re
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from cms.errors import InvalidInput, NotFound, PermissionRefused
from cms.integrity.mending import recount_terms
from cms.models import AuditEvent, Tag, User
from cms.policy import SYSTEM
from cms.services.posts import update_post
from cms.services.tag_merging import merge_tags

WAITING = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"


def tags_of(post: Any) -> set[str]:
    return set(post.tags.values_list("name", flat=True))


def test_posts_get_the_one_tag_and_counts_stay_true(make_post: Any, editor: User, now: Any) -> None:
    public = [make_post(tags=["ink"]), make_post(tags=["inks"]), make_post(tags=["ink", "inks", "paper"])]
    draft = make_post(tags=["INKY"], is_published=False)
    into, others = Tag.objects.get(name="ink"), list(Tag.objects.filter(name__in=["inks", "INKY"]))
    merged = merge_tags(actor=editor, into=into, others=[*others, into], now=now)
    assert [tags_of(post) for post in (*public, draft)] == [{"ink"}, {"ink"}, {"ink", "paper"}, {"ink"}]
    assert (merged.usage_count, Tag.objects.get(pk=into.pk).usage_count) == (3, 3)
    assert set(Tag.objects.values_list("name", flat=True)) == {"ink", "paper"}
    assert recount_terms(Tag, "usage_count", Tag.objects.values_list("pk", flat=True)) == 0


def test_the_audit_trail_names_what_was_merged_into_what(make_post: Any, editor: User, now: Any) -> None:
    make_post(tags=["ink", "inks"])
    into, other = Tag.objects.get(name="ink"), Tag.objects.get(name="inks")
    merge_tags(actor=editor, into=into, others=[other], now=now)
    gone = AuditEvent.objects.get(action="tag.deleted")
    assert (gone.object_id, gone.before["name"], gone.after) == (other.pk, "inks", {"merged_into": str(into.pk)})
    kept = AuditEvent.objects.get(action="tag.updated")
    assert (kept.object_id, kept.after) == (into.pk, {"usage_count": 1, "merged": ["inks"]})


def test_no_statement_names_all_posts_of_a_tag(make_post: Any, editor: User, now: Any) -> None:
    """SQLite takes 250,000 values in a statement, and a tag may have more posts. An insert is cut into several."""
    for _ in range(20):
        make_post(tags=["old"])
    new, old = Tag.objects.create(name="new", name_key="new", slug="new"), Tag.objects.get(name="old")
    with CaptureQueriesContext(connection) as captured:
        merge_tags(actor=editor, into=new, others=[old], now=now)
    assert new.posts.count() == 20
    statements = [query["sql"] for query in captured if not query["sql"].startswith("INSERT")]
    assert max(len(re.findall("[0-9a-f]{12}'", statement)) for statement in statements) < 20


def test_only_editors_merge_and_only_tags_that_are_there(make_post: Any, editor: User, author: User, now: Any) -> None:
    make_post(tags=["ink", "inks"])
    into, other = Tag.objects.order_by("name")
    with pytest.raises(PermissionRefused):
        merge_tags(actor=author, into=into, others=[other], now=now)
    with pytest.raises(InvalidInput):
        merge_tags(actor=editor, into=into, others=[into], now=now)
    Tag.objects.filter(pk=other.pk).delete()
    with pytest.raises(NotFound):
        merge_tags(actor=editor, into=into, others=[other], now=now)
    assert AuditEvent.objects.filter(action__in=["tag.deleted", "tag.updated"]).count() == 0


def hold_until_all_wait(tag: Tag, begin: list[threading.Event]) -> None:
    """Hold the tag as a writer of a post does, and let the others begin to wait for it in turn."""
    with transaction.atomic(), connection.cursor() as cursor:
        Tag.objects.select_for_update(no_key=True).get(pk=tag.pk)
        for number, event in enumerate(begin, start=1):
            event.set()
            deadline, waiting = time.monotonic() + 60, 0
            while waiting < number:
                assert time.monotonic() < deadline
                time.sleep(0.01)
                cursor.execute(WAITING)
                [(waiting,)] = cursor.fetchall()


def once(begin: threading.Event, job: Callable[[], Any]) -> Any:
    assert begin.wait(60)
    return job()


@pytest.mark.django_db(transaction=True)
def test_a_post_that_gets_the_tag_while_the_merge_waits_for_it_gets_the_other(
    make_post: Any, editor: User, now: Any, in_threads: Callable[..., list[Any]]
) -> None:
    """Its writer was answered that it has the tag, and it had neither."""
    old, new, into = make_post(tags=["inks"]), make_post(), make_post(tags=["ink"])
    kept, gone = into.tags.get(), old.tags.get()
    begin = [threading.Event(), threading.Event()]
    write = partial(update_post, actor=SYSTEM, post=new, changes={"tags": ["inks"]}, now=now)
    merge = partial(merge_tags, actor=editor, into=kept, others=[gone], now=now)
    jobs = [partial(hold_until_all_wait, gone, begin), *map(partial, [once] * 2, begin, [write, merge])]
    assert not [result for result in in_threads(jobs) if isinstance(result, Exception)]
    assert [tags_of(post) for post in (old, new, into)] == [{"ink"}] * 3
    assert Tag.objects.get().usage_count == 3
