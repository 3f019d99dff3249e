"""Rows that are inserted without Django's own statement: they are the same ones."""

import datetime
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from cms.db.inserts import insert
from cms.models import AuditEvent, Post, PostRevision, Tag


def test_a_row_is_the_one_that_save_would_write(make_post: Callable[..., Post], now: datetime.datetime) -> None:
    post = make_post()
    snapshot = {"title": "100 % \"\\' tea\n茶", "featured_image": None, "list": [1, True]}
    for number, write in ((90, lambda row: row.save(force_insert=True)), (91, insert)):
        write(
            PostRevision(
                post=post, number=number, snapshot=snapshot, author=post.author, created_at=now, updated_at=now
            )
        )
    saved, inserted = map(dict, PostRevision.objects.filter(number__gte=90).order_by("number").values())
    different = {name for name in saved if saved[name] != inserted[name]}
    assert different == {"id", "number"}


def test_what_the_database_fills_in_is_read_back(db: None) -> None:
    event = AuditEvent(action="x", object_type="post", object_id=uuid.uuid4(), ip="2001:db8::1")
    assert insert(event) == 1
    stored = AuditEvent.objects.get(pk=event.pk)
    assert event.created_at == stored.created_at
    assert (stored.ip, stored.before, stored.actor_id) == ("2001:db8::1", {}, None)
    event.action = "y"
    event.save()  # it knows that it is stored
    assert AuditEvent.objects.get().action == "y"


def test_a_conflict_that_is_named_leaves_the_row_out_and_any_other_fails(db: None) -> None:
    def tag(name: str, slug: str) -> Any:
        return Tag(name=name, name_key=name, slug=slug)

    named = 'ON CONFLICT ("slug") DO NOTHING'
    assert insert(tag("a", "a"), tag("b", "b"), on_conflict=named) == 2
    left_out = tag("c", "a")
    assert insert(left_out, on_conflict=named) == 0
    assert left_out._state.adding
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(tag("a", "c"), on_conflict=named)
    assert sorted(Tag.objects.values_list("name", "slug")) == [("a", "a"), ("b", "b")]
