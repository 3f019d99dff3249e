"""In a failover the database's address may belong to a standby for a while, which answers reads and refuses writes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

from cms.models import Post, User
from tests.faults.crowd import Told, is_refusal_in_shape

POST = {"title": "Written to a standby", "content": "x"}


@contextmanager
def read_only() -> Iterator[None]:
    """Until the block ends PostgreSQL refuses every write, in a standby's words."""
    if connection.vendor != "postgresql":
        pytest.skip("an SQLite file has no standby")
    name = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
    params: Any = {**connection.get_connection_params(), "autocommit": True}
    with psycopg.connect(**params) as admin, connection.cursor() as cursor:
        cursor.execute("SAVEPOINT standby; SET TRANSACTION READ ONLY")
        # New sessions find it too: else it would be this one's own doing.
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        try:
            yield
        finally:
            admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            cursor.execute("ROLLBACK TO SAVEPOINT standby")  # with it goes the setting


@pytest.fixture
def own(client_of: Callable[[User], Client], author: User) -> Client:
    return client_of(author)


@pytest.mark.parametrize("path", ["/api/v1/posts", "/api/v2/posts"])
def test_a_write_is_refused_as_in_an_outage_and_made_when_it_is_repeated(own: Client, path: str) -> None:
    def send() -> Any:
        return own.post(path, POST, content_type="application/json", headers={"Idempotency-Key": "once"})

    with read_only():
        refused = send()
    assert is_refusal_in_shape(Told(path, 0, 0, refused)), refused.content
    assert (send().status_code, Post.objects.count()) == (201, 1)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_reads_are_answered(own: Client, make_post: Callable[..., Post], version: str) -> None:
    path = f"/api/{version}/posts/{make_post().pk}"
    with read_only():
        assert own.get(path).status_code == 200
