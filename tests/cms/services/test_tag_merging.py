"""Merging tags: no post loses one, counts stay true, and the audit trail names all of it."""

from typing import Any

import pytest

from cms.errors import InvalidInput, NotFound, PermissionRefused
from cms.integrity.mending import recount_terms
from cms.models import AuditEvent, Tag, User
from cms.services.tag_merging import merge_tags


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
