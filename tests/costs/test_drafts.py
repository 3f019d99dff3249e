"""Drafts that wait: each may be a megabyte, and reading them costs what is shown of them."""

import datetime
from collections.abc import Callable
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client

from cms import limits
from cms.models import Post, PostRevision, User
from cms.services.drafts import autosave_post
from cms.services.restoring import restore_revision
from tests.memory import peak_memory

MEGABYTE = 1024 * 1024


@pytest.fixture
def client(author: User) -> Client:
    client = Client()
    client.force_login(author)
    return client


@pytest.fixture
def post(author: User, make_post: Callable[..., Post], now: datetime.datetime) -> Post:
    """One with 40 drafts of a megabyte each, as many as an earlier release may have left, and an unsaved text."""
    post = make_post(content="Saved.")
    autosave_post(actor=author, post=post, texts={"content": "Mine"}, base_revision=1, now=now)
    snapshot = post.revisions.get(number=1).snapshot | {"content": "long " * (MEGABYTE // 5)}
    values: Any = {"post": post, "snapshot": snapshot, "is_draft": True, "reason": "restored from 1"}
    PostRevision.objects.bulk_create(PostRevision(number=number, **values) for number in range(3, 43))
    return post


def test_the_form_of_a_post_reads_none_of_its_drafts_and_shows_a_few(client: Client, post: Post) -> None:
    address = f"/admin/cms/post/{post.pk}/change/"
    client.get(address)  # templates are loaded
    with peak_memory() as peak:
        answer = client.get(address)
    assert peak.bytes < 16 * MEGABYTE
    page = answer.content.decode()
    assert [number for number in range(2, 43) if f'"?draft={number}"' in page] == [2, *range(38, 43)]
    assert f"/admin/cms/post/{post.pk}/revisions/" in page


@pytest.fixture
def old(author: User, make_post: Callable[..., Post]) -> Post:
    """One with two drafts whose every field is long, as an earlier release may have left."""
    post = make_post(content="Saved.")
    for number in (2, 3):
        texts = {name: f"{number} \n" * 40_000 for name in limits.KEPT_TEXTS_MAX if name != "content"}
        snapshot = post.revisions.get(number=1).snapshot | texts
        draft = PostRevision(post=post, number=number, is_draft=True, reason="restored from 1", snapshot=snapshot)
        draft.save()
    return post


PAGES: Final = (
    *("revisions/?from=2&to=3", "change/?draft=2"),
    *("revisions", "revisions/2", "revisions/3/diff?against=2"),
)


@pytest.mark.parametrize("page", PAGES)
def test_a_draft_of_an_earlier_release_is_shown_within_bounds(
    client: Client, author: User, client_of: Callable[[User], Client], old: Post, page: str
) -> None:
    is_of_the_site = page in PAGES[:2]
    address = f"/admin/cms/post/{old.pk}/{page}" if is_of_the_site else f"/api/v2/posts/{old.pk}/{page}"
    answer = (client if is_of_the_site else client_of(author)).get(address)
    assert answer.status_code == 200
    assert b"2 \n2 \n" in answer.content.replace(b"\\n", b"\n")
    assert len(answer.content) < 150_000


def test_a_draft_of_an_earlier_release_is_read_and_restored_within_bounds(
    author: User, old: Post, now: datetime.datetime
) -> None:
    revision = old.revisions.get(number=2)
    client = Client()
    client.force_login(author)
    assert len(client.get(f"/admin/cms/postrevision/{revision.pk}/change/").content) < 150_000
    restored = restore_revision(actor=author, post=old, number=2, now=now)
    listed = old.revisions.filter(number=3).values_list("snapshot", flat=True).get()
    for snapshot in (revision.snapshot, restored.snapshot, listed):
        lengths = {name: len(text) for name, text in snapshot.items() if name in limits.KEPT_TEXTS_MAX}
        assert lengths == limits.KEPT_TEXTS_MAX | {"content": len("Saved.")}


def test_a_snapshot_is_stored_as_long_as_its_text(author: User, make_post: Callable[..., Post]) -> None:
    post = make_post(content="\U0001f600" * 1_000)
    assert post.revisions.get().snapshot["content"] == post.content
    with connection.cursor() as cursor:
        cursor.execute("SELECT snapshot FROM cms_postrevision")
        stored = str(cursor.fetchone()[0])
    assert len(stored.encode()) < 2 * len(post.content.encode()) + 3_000  # the excerpt has 500 characters too
