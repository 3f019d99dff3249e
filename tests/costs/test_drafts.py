"""Drafts that wait: each may be a megabyte, and reading them costs what is shown of them."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from cms.models import Post, PostRevision, User
from cms.services.drafts import autosave_post
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


def test_a_snapshot_is_stored_as_long_as_its_text(author: User, make_post: Callable[..., Post]) -> None:
    post = make_post(content="\U0001f600" * 1_000)
    assert post.revisions.get().snapshot["content"] == post.content
    with connection.cursor() as cursor:
        cursor.execute("SELECT snapshot FROM cms_postrevision")
        stored = str(cursor.fetchone()[0])
    assert len(stored.encode()) < 2 * len(post.content.encode()) + 3_000  # the excerpt has 500 characters too
