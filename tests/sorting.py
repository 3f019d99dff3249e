"""What SQLite carries while it sorts: texts that are in its sorter are read, and written, for rows that no page shows."""

import datetime
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from django.db import connection

from cms.db import texts
from cms.db.compiled import forget
from cms.models import Post, User

POSTS: Final = 60
NARROW: Final = 4
"""Columns at most of rows that are ids with what they are sorted by."""
_NUMBERS: Final = itertools.count()


def wide_sorts(captured: Iterable[dict[str, str]]) -> list[str]:
    """Return those of these statements that sort their rows, and not only ids, before they take a page of them."""
    asked = [one["sql"] for one in captured]
    return [sql for sql in asked if sql.startswith("SELECT") and " LIMIT " in sql and _is_sorted(sql) and _is_wide(sql)]


def out_of_order(captured: Iterable[dict[str, str]]) -> list[str]:
    """Return those of these statements that find ids, and then do not read the rows one after the other."""
    asked = [one["sql"] for one in captured]
    return [sql for sql in asked if " AS found CROSS JOIN " in sql and _loops(sql)[0] != "SCAN found"]


def _is_sorted(sql: str) -> bool:
    return any("FOR" in step and "ORDER BY" in step for step in _steps(sql))


def _loops(sql: str) -> list[str]:
    return [step for step in _steps(sql) if step.startswith(("SCAN", "SEARCH"))]


def _steps(sql: str) -> list[str]:
    """Return the outermost steps of SQLite's plan."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return [step for _, parent, _, step in cursor.fetchall() if parent == 0]


def _is_wide(sql: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return len(cursor.description) > NARROW


@contextmanager
def texts_looked_at() -> Iterator[list[str]]:
    """Collect the texts whose bytes SQLite counts: lists with contents do so for each row that they read."""
    name, seen = f"counted_{next(_NUMBERS)}", []

    def count(text: str) -> int:
        seen.append(text)
        return len(text.encode())

    raw: Any = connection.connection
    raw.create_function(name, 1, count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts._Bytes, "function", name)
        forget()
        yield seen
    forget()


def add_posts(author: User, now: datetime.datetime) -> None:
    """Store posts of which the latest published has the first title and the oldest dates of other kinds."""
    first = now - datetime.timedelta(days=1)
    Post.objects.bulk_create(
        Post(
            title=f"{POSTS - number:04}",
            slug=f"post-{number}",
            content="text needle",
            content_html="text needle",
            author=author,
            status="published",
            published_at=first + datetime.timedelta(minutes=number),
            created_at=first - datetime.timedelta(minutes=number),
            updated_at=first - datetime.timedelta(minutes=number),
        )
        for number in range(POSTS)
    )
