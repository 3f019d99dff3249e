"""The index is rebuilt beside writers, on PostgreSQL: nobody waits for texts that are analysed, and no change is lost."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from cms.models import Post, SearchDocument, User
from cms.policy import SYSTEM
from cms.search import reindex
from cms.services.locks import lock_row
from cms.services.posts import create_post, update_post
from tests.cms.services.conftest import wait_until_waited_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_rebuild_of_the_index_keeps_no_writer_of_another_post_waiting(
    in_threads: Callable[..., list[Any]], author: User, now: Any
) -> None:
    """Five texts take it more than five seconds, and a change of a short post waits for none of them."""
    short = create_post(actor=SYSTEM, fields={"title": "Short", "content": "a"}, now=now, author=author)
    values = {"author": author, "content": "a", "content_html": "漢字" * 450_000, "language": "zh"}
    Post.objects.bulk_create(Post(title="Long", slug=f"long-{number}", **values) for number in range(5))
    longest: list[float] = []
    is_over = threading.Event()

    def rebuild() -> int:
        try:
            return reindex()
        finally:
            is_over.set()

    def change() -> None:
        while not is_over.is_set():
            began = time.monotonic()
            with transaction.atomic():
                lock_row(short)
            longest.append(time.monotonic() - began)
            is_over.wait(0.01)

    assert in_threads([rebuild, change])[0] == 6
    assert len(longest) > 20
    assert max(longest) < 3


def test_a_rebuild_of_the_index_leaves_what_changed_meanwhile(
    in_threads: Callable[..., list[Any]], author: User, now: Any
) -> None:
    post = create_post(actor=SYSTEM, fields={"title": "Zebra", "content": "a"}, now=now, author=author)
    is_changed = threading.Event()

    def change() -> None:
        with transaction.atomic():
            update_post(actor=SYSTEM, post=post, changes={"title": "Lion"}, now=now)
            is_changed.set()
            wait_until_waited_for()

    def rebuild() -> int:
        assert is_changed.wait(60)
        return reindex()

    assert in_threads([change, rebuild])[1] == 1
    assert SearchDocument.objects.get(post=post).title == " lion "
