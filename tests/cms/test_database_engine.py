"""Our engine under Django: what becomes of statements and transactions whose session ends."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F

from cms.db import told_of_doubt
from cms.models import Tag
from tests.session import ENGINES

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(os.environ["DATABASE_URL"].startswith("sqlite"), reason="of PostgreSQL"),
]


def end_session() -> None:
    """As an administrator does; the connection is as it was on our side."""
    pid = connection.connection.info.backend_pid
    with psycopg.connect(ENGINES.database_url or "", autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


def take_and_lose() -> None:
    """A connection that was lost between the look at it and its first statement."""
    connection.close()
    connection.ensure_connection()
    end_session()


def run(statement: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def add_tag(name: str) -> None:
    Tag.objects.create(name=name, name_key=name, slug=name)


def test_a_read_that_comes_first_on_a_lost_connection_is_made_on_another_one() -> None:
    take_and_lose()
    assert run("SELECT 7") == [(7,)]


def test_a_block_whose_first_statement_finds_the_connection_lost_is_done_once() -> None:
    connection.close()
    with transaction.atomic():
        connection.ensure_connection()
        end_session()
        add_tag("stored")
        add_tag("as-well")
    assert Tag.objects.count() == 2


def test_a_write_that_commits_itself_is_not_repeated() -> None:
    take_and_lose()
    with pytest.raises(OperationalError):
        run("INSERT INTO cms_tag (id) VALUES (gen_random_uuid())")


def test_what_began_before_the_loss_fails_as_a_whole() -> None:
    def write_and_lose() -> None:
        with transaction.atomic():
            add_tag("half")
            end_session()
            add_tag("done")

    with pytest.raises(OperationalError):
        write_and_lose()
    assert Tag.objects.count() == 0


def test_a_statement_after_the_loss_says_so_too() -> None:
    def go_on_after_the_loss() -> None:
        with transaction.atomic():
            run("SELECT 1")
            end_session()
            with pytest.raises(OperationalError):
                run("SELECT 2")
            connection.close()
            run("SELECT 3")

    with pytest.raises(OperationalError, match="lost within this transaction"):
        go_on_after_the_loss()
    assert run("SELECT 4") == [(4,)]


def test_a_commit_without_an_answer_is_told_of_with_what_would_have_run_after_it() -> None:
    told: list[Callable[[], Any]] = []
    ran: list[str] = []

    def hook() -> None:
        ran.append("hook")

    def lose_the_commit() -> None:
        with transaction.atomic():
            add_tag("x")
            transaction.on_commit(hook)
            end_session()

    told_of_doubt.append(told.extend)
    try:
        with pytest.raises(OperationalError):
            lose_the_commit()
    finally:
        told_of_doubt.remove(told.extend)
    assert hook in told
    assert ran == []


def test_a_connection_comes_back_as_it_was_taken() -> None:
    connection.set_autocommit(False)
    run("SELECT 1")
    connection.close()
    assert run("SELECT 1") == [(1,)]
    assert connection.connection.autocommit
    assert run("SHOW TimeZone") == [("UTC",)]


@pytest.mark.parametrize("is_within", [True, False])
def test_a_cursor_on_the_server_is_declared_within_a_transaction_alone(is_within: bool) -> None:
    """Held beyond it, a session would keep it that a pooler gives to another client before the rows are fetched."""
    for name in ("a", "b", "c"):
        add_tag(name)
    with transaction.atomic() if is_within else nullcontext():
        rows = Tag.objects.order_by("pk").values_list("name", flat=True).iterator(chunk_size=2)
        assert next(rows) == "a"
        assert run("SELECT count(*) FROM pg_cursors WHERE name <> ''") == [(int(is_within),)]
        assert list(rows) == ["b", "c"]


def test_a_search_that_finds_nearly_all_rows_ends_with_its_first_page() -> None:
    Tag.objects.bulk_create(Tag(name=f"Paper {n}", name_key=f"paper {n}", slug=f"paper-{n}") for n in range(5_000))
    run("ANALYZE cms_tag")
    plan = Tag.objects.filter(name__icontains="pApEr").order_by("pk")[:20].explain()
    assert "Index Scan" in plan
    assert "Sort" not in plan


def test_a_search_regards_no_case_and_no_wildcard() -> None:
    names = ("Écru 100%", "écru 1000", "a_b", "acb")
    Tag.objects.bulk_create(Tag(name=name, name_key=name, slug=f"tag-{n}") for n, name in enumerate(names))
    found = {
        text: {*Tag.objects.filter(name__icontains=text).values_list("name", flat=True)}
        for text in ("ÉCRU", "0%", "A_B")
    }
    assert found == {"ÉCRU": {"Écru 100%", "écru 1000"}, "0%": {"Écru 100%"}, "A_B": {"a_b"}}
    assert Tag.objects.filter(name__icontains=F("name_key")).count() == len(names)
