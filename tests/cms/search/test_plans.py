"""How PostgreSQL answers a search: by its indexes."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cms.models import Post
from cms.search import search_posts, suggest
from tests.cms.search.bulk import bulk_posts

NOBODY = AnonymousUser()


@pytest.fixture(scope="module")
def bulk(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Posts enough for an index to pay, just seeded: no autovacuum has been here. The module's end rolls them back."""
    with bulk_posts(django_db_blocker, 300):
        yield


@pytest.fixture
def many_posts(bulk: None, make_post: Callable[..., Post]) -> None:
    make_post(title="A zebra")


def plan_of(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(row[0] for row in cursor.fetchall())


def statements(act: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"] for query in captured.captured_queries]


def test_a_selective_word_is_found_without_reading_all_posts(many_posts: None, now: datetime.datetime) -> None:
    before, search, *_ = [
        s for s in statements(lambda: search_posts("zebra", user=NOBODY, now=now)) if "SAVEP" not in s
    ]
    with connection.cursor() as cursor:
        cursor.execute(before)
    plan = plan_of(search)
    assert "Bitmap Index Scan on cms_searchdocument_vector" in plan
    assert "Seq Scan on cms_post " not in plan
    assert "Seq Scan on cms_searchdocument" not in plan


def test_no_statement_is_compiled(many_posts: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW jit")
        assert cursor.fetchone() == ("off",)


@pytest.mark.parametrize("setting", ["enable_seqscan", "max_parallel_workers_per_gather", "work_mem"])
def test_a_search_leaves_the_planner_as_it_was(many_posts: None, now: datetime.datetime, setting: str) -> None:
    def shown() -> object:
        with connection.cursor() as cursor:
            cursor.execute(f"SHOW {setting}")
            return cursor.fetchone()

    before = shown()
    search_posts("zebra", user=NOBODY, now=now)
    assert shown() == before


def test_a_prefix_is_completed_by_the_trigram_index(many_posts: None, now: datetime.datetime) -> None:
    [statement] = [s for s in statements(lambda: suggest("zebr", user=NOBODY, now=now)) if "LIKE" in s]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # 300 titles are read sooner than an index
    assert "Bitmap Index Scan on cms_searchdocument_suggestion" in plan_of(statement)


def test_the_planner_knows_more_words_and_titles_than_it_would(only_postgresql: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, attstattarget FROM pg_attribute WHERE attrelid = 'cms_searchdocument'::regclass"
            " AND attname IN ('vector', 'suggestion') ORDER BY attname"
        )
        assert cursor.fetchall() == [("suggestion", 300), ("vector", 200)]
