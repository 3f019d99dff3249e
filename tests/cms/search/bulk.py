"""Bulk posts for a module whose end rolls them back."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction


@contextlib.contextmanager
def bulk_posts(django_db_blocker: Any, posts: int) -> Iterator[None]:
    """Just seeded: no autovacuum has been here. Skips on SQLite, for what PostgreSQL alone has."""
    with django_db_blocker.unblock(), transaction.atomic():
        if connection.vendor != "postgresql":
            pytest.skip("what PostgreSQL alone has")
        call_command("seed", "--posts", str(posts), "--force", verbosity=0)
        yield
        transaction.set_rollback(True)
