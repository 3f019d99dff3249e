"""Sixteen writers at once on PostgreSQL: no deadlock, and counts that `check_content --deep` confirms."""

import datetime
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from cms.errors import CmsError
from cms.integrity.running import run_checks, select_checks
from cms.models import Category, Post, Tag, User
from cms.policy import SYSTEM
from cms.services.categories import create_category
from cms.services.post_states import archive_post, publish_post, restore_post, trash_post, unpublish_post
from cms.services.posts import create_post, update_post

WRITERS = 16
POSTS = 24
NAMES = tuple(f"tag {number}" for number in range(12))
STATES = (publish_post, publish_post, unpublish_post, archive_post, trash_post, restore_post)
ALL = {act.__name__ for act in (*STATES, update_post, create_post)}
PATIENCE_S = 120
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _unpooled(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A connection for each writer: from a pool of eight only eight would ever write at once."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time: nothing races there")
    connection.close()
    monkeypatch.setitem(connections["default"].settings_dict["OPTIONS"], "pool", False)
    yield
    connection.close()


def write(seed: int, posts: list[Post], author: User, done: Counter[str], deadline: float) -> None:
    """What an editor does all day, until the deadline, and until everything was `done` by somebody, however slow the machine.

    Anything but a domain error is raised.
    """
    rng = random.Random(seed)
    categories = list(Category.objects.all())
    try:
        while (now := time.monotonic()) < deadline or (not done.keys() >= ALL and now < deadline + PATIENCE_S):
            try:
                done[act(rng, posts, author, categories, timezone.now())] += 1
            except CmsError as error:
                done[error.code] += 1
    finally:
        connection.close()


def act(rng: random.Random, posts: list[Post], author: User, categories: list[Category], now: datetime.datetime) -> str:
    """What was done, by the name of its service."""
    terms: Any = {"tags": rng.sample(NAMES, rng.randint(0, 5)), "categories": rng.sample(categories, rng.randint(0, 3))}
    drawn = rng.random()
    if drawn < 0.6:
        change = rng.choice(STATES)
        change(actor=author, post=rng.choice(posts), now=now)
        return change.__name__
    if drawn < 0.95:
        update_post(actor=author, post=rng.choice(posts), changes=terms, now=now)
        return update_post.__name__
    create_post(actor=author, fields={"title": "Same title", "content": "x", **terms}, now=now)
    return create_post.__name__


def assert_counts_are_a_recount() -> None:
    """Counted here by other means than the checks do it."""
    public = {post.pk for post in Post.objects.all() if post.is_public(timezone.now())}
    for tag in Tag.objects.all():
        assert tag.usage_count == len(public & set(tag.posts.values_list("pk", flat=True))), tag
    for category in Category.objects.all():
        assert category.post_count == len(public & set(category.posts.values_list("pk", flat=True))), category


@pytest.mark.slow
@pytest.mark.usefixtures("_unpooled")
@pytest.mark.parametrize("seconds", [5, pytest.param(30, marks=pytest.mark.soak)])
def test_sixteen_writers_leave_counts_that_a_deep_check_confirms(author: User, make_user: Any, seconds: int) -> None:
    make_user("admin")  # without one there would be a warning
    now = timezone.now()
    for number in range(5):
        create_category(actor=SYSTEM, fields={"name": f"Category {number}"}, now=now)
    fields: Any = {"title": "Shared", "content": "x", "tags": NAMES[:3]}
    posts = [create_post(actor=SYSTEM, fields=fields, now=now, author=author) for _ in range(POSTS)]
    deadline, together, answers = time.monotonic() + seconds, threading.Barrier(WRITERS), Counter[str]()

    def work(seed: int) -> None:
        together.wait(60)
        write(seed, posts, author, answers, deadline)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(work, range(WRITERS)))
    # Not that a post is public when time is up: with one in eight at any moment none of 24 is in 4 of 100 runs.
    assert answers.keys() - {"invalid_transition"} == ALL
    outcomes = run_checks(select_checks(is_deep=True), now=timezone.now())
    assert [(outcome.check.id, outcome.findings) for outcome in outcomes if outcome.found] == []
    assert_counts_are_a_recount()
