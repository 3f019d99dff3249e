"""Lists of a site with 100,000 posts: each page takes at most 300 ms of SQL and rendering."""

import time
from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from cms.models import Post, User

POSTS = 100_000
LIMIT_MS = 300
TRIES = 20
"""Of which the best counts: a machine may be busy with something else."""
QUERIES = ["", "state=draft", "state=published", "mine=1", "language=en", "kind=all", "q=letter", "q=lett", "p=200"]
COPY = """
INSERT INTO cms_post ({columns}) SELECT {values} FROM cms_post p, generate_series(1, %s) n WHERE p.id = %s
"""
COPY_DOCUMENT = """
INSERT INTO cms_searchdocument (post_id, suggestion, title, excerpt, content)
SELECT p.id, d.suggestion, d.title, d.excerpt, d.content FROM cms_post p, cms_searchdocument d
WHERE d.post_id = %s AND p.slug LIKE %s
"""
CHANGED = {
    "id": "gen_random_uuid()",
    "slug": "p.slug || '-copy-' || n",
    "created_at": "p.created_at - n * interval '1 minute'",
}


def _copy(post: Post, times: int) -> None:
    columns = [field.column for field in Post._meta.concrete_fields]
    values = ", ".join(CHANGED.get(name, f'p."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(COPY.format(columns=names, values=values), [times, post.pk])
        cursor.execute(COPY_DOCUMENT, [post.pk, f"{post.slug}-copy-%"])


@pytest.mark.slow
def test_lists_of_many_posts_are_quick(
    editor: User, make_post: Callable[..., Post], signed_in: Callable[[User], Client]
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("The promise is about PostgreSQL.")
    _copy(make_post(title="About letters", content="Some words about ink. " * 40), POSTS * 3 // 4)
    _copy(make_post(title="Another", is_published=False), POSTS // 4)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    cache.clear()
    client = signed_in(editor)
    took = {query: _best_ms(client, query) for query in QUERIES}
    assert max(took.values()) <= LIMIT_MS, took


def _best_ms(client: Client, query: str) -> float:
    best = float("inf")
    for _ in range(TRIES):
        began = time.perf_counter()
        assert client.get(f"/admin/cms/post/?{query}").status_code == 200
        best = min(best, (time.perf_counter() - began) * 1000)
        if best <= LIMIT_MS:
            break
    return round(best)
