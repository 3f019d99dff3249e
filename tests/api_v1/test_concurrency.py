"""Changes through v1 at the same time, on PostgreSQL: a change and a publication in one request wait for nobody for ever."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from api_v1.writes import change_by
from cms.models import Category, Post, Tag

THREADS, TURNS = 6, 15
NAMES = tuple(f"tag {number}" for number in range(6))

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has one writer at a time: nothing races there")
def test_changes_of_terms_and_of_publication_at_once_never_deadlock_and_counts_stay_right(
    make_post: Any, make_category: Any
) -> None:
    categories = [make_category(name) for name in ("One", "Two", "Three")]
    posts = [make_post(tags=NAMES[:3], categories=categories[:1], is_published=False) for _ in range(THREADS)]
    start = threading.Barrier(THREADS)

    def change(number: int) -> None:
        rng = random.Random(number)
        try:
            start.wait(60)
            for _ in range(TURNS):
                values = {
                    "tags": rng.sample(NAMES, 3),
                    "category": rng.choice(categories).slug,
                    "published": rng.random() < 0.5,
                }
                change_by(values, actor=posts[number].author, post=posts[number], now=timezone.now())
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(change, range(THREADS)))
    public = Post.objects.public(timezone.now())
    assert public.exists()
    for tag in Tag.objects.all():
        assert tag.usage_count == public.filter(tags=tag).count(), tag
    for category in Category.objects.all():
        assert category.post_count == public.filter(categories=category).count(), category
