"""Rows that are changed without Django's own statement: they are what `save` would make of them."""

import datetime
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from cms.db.updates import update
from cms.errors import NotFound
from cms.models import Post, PostRevision

STRANGE = "100 % \"\\' tea\n茶"


def test_a_row_is_the_one_that_save_would_write(make_post: Callable[..., Post], now: datetime.datetime) -> None:
    snapshot: Any = {"title": STRANGE, "featured_image": None, "list": [1, True]}
    posts = [make_post(title=f"Post {number}") for number in range(3)]
    for post, write in ((posts[0], lambda row: row.save(force_update=True)), (posts[1], update)):
        post.title, post.excerpt, post.content_html, post.version = STRANGE, "", STRANGE, 7
        post.expires_at, post.updated_at, post.featured_image = now + datetime.timedelta(days=9), now, None
        post.is_excerpt_derived = False
        write(post)
        revision = PostRevision.objects.get(post=post, number=1)
        revision.snapshot, revision.author = snapshot, None
        write(revision)
    saved, updated, other = map(dict, Post.objects.order_by("created_at", "id").values())
    assert {name for name in saved if saved[name] != updated[name]} <= {"id", "slug", "created_at", "published_at"}
    assert (other["title"], other["version"]) == ("Post 2", posts[2].version)
    assert [row.snapshot for row in PostRevision.objects.filter(number=1, post__in=posts[:2])] == [snapshot] * 2


def test_a_row_that_is_gone_is_said_so_and_not_made_anew(make_post: Callable[..., Post]) -> None:
    post = make_post()
    gone = Post.objects.get(pk=post.pk)
    post.delete()
    with pytest.raises(NotFound, match="This post does not exist any more"):
        update(gone)
    assert not Post.objects.exists()


def test_what_the_database_refuses_is_refused(make_post: Callable[..., Post]) -> None:
    post = make_post(title="Kept")
    post.title, post.status = "Changed", "unheard"
    with pytest.raises(IntegrityError), transaction.atomic():
        update(post)
    assert Post.objects.get().title == "Kept"


@pytest.mark.django_db(transaction=True)
def test_a_refusal_that_somebody_swallows_leaves_nothing_half_done(make_post: Callable[..., Post]) -> None:
    post = make_post(title="Kept")
    post.status = "unheard"
    with transaction.atomic():
        Post.objects.update(title="Half")
        with suppress(IntegrityError):
            update(post)
    assert Post.objects.get().title == "Kept"
