"""Other databases of the settings are read-only within a repeat too, and connected to only where a view uses them."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.signals import connection_created
from django.http import HttpRequest, JsonResponse
from django.test import RequestFactory
from django.urls import path

from canary.core.values import STABLE, Decision, Snapshot
from canary.shadow.asking import Answer, ask
from canary.shadow.offering import read_of
from canary.shadow.side_effects import SideEffectError
from canary.shadow.snapshots import Guard, read_only_snapshot
from canary.shadow.writes.guarding import other_databases_refused

INSERT = "INSERT INTO archive_probe VALUES (7)"


pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _django_db_marker(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """In the place of pytest-django's own, which knows the databases of the tests' settings alone."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A connection of the test to the database `archive`, which holds one number."""
    options = {name: value for name, value in connection.settings_dict["OPTIONS"].items() if name != "pool"}
    of_settings = {**connection.settings_dict, "OPTIONS": options}
    if connection.vendor == "sqlite":
        of_settings["NAME"] = str(tmp_path / "archive.sqlite3")
    monkeypatch.setitem(connections.settings, "archive", of_settings)
    own = connections["archive"].copy()
    with own.cursor() as cursor:
        cursor.execute("CREATE TABLE archive_probe (number integer)")
        cursor.execute("INSERT INTO archive_probe VALUES (1)")
    yield own
    connections["archive"].close()
    del connections["archive"]
    with own.cursor() as cursor:
        cursor.execute("DROP TABLE archive_probe")
    own.close()


def numbers_in(wrapper: Any) -> list[int]:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT number FROM archive_probe ORDER BY number")
        return [number for (number,) in cursor.fetchall()]


def send(sql: str) -> None:
    with connections["archive"].cursor() as cursor:
        cursor.execute(sql)


def send_within_a_block() -> None:
    with transaction.atomic(using="archive"):
        send(INSERT)


def send_after_a_block() -> None:
    """The block connects, so its end is not to be the end of the snapshot."""
    with transaction.atomic(using="archive"):
        numbers_in(connections["archive"])
    try:
        transaction.commit(using="archive")
    except transaction.TransactionManagementError:
        send(INSERT)
    else:
        pytest.fail("The view has ended the snapshot.")


def send_past_django() -> None:
    wrapper: Any = connections["archive"]
    wrapper.ensure_connection()
    try:
        wrapper.connection.execute(INSERT)
    except wrapper.Database.Error as error:
        raise DatabaseError(*error.args) from error


WRITES: list[Callable[[], None]] = [
    partial(send, INSERT),
    partial(send, "DELETE FROM archive_probe"),
    partial(send, "CREATE TABLE archive_more (number integer)"),
    send_within_a_block,
    send_after_a_block,
    send_past_django,
]


@pytest.mark.parametrize("write", WRITES)
def test_nothing_is_written_to_another_database(archive: Any, write: Callable[[], None]) -> None:
    numbers_in(connections["archive"])  # open before
    with read_only_snapshot(5.0) as guard, pytest.raises(DatabaseError, match=r"read-?only"):
        write()
    assert guard.tried or write is send_past_django
    assert numbers_in(archive) == [1]
    send(INSERT)
    assert numbers_in(archive) == [1, 7]


def test_what_is_read_of_it_is_of_one_moment(archive: Any) -> None:
    usual = connections["archive"]
    with read_only_snapshot(5.0) as guard:
        assert numbers_in(connections["archive"]) == [1]
        with archive.cursor() as cursor:
            cursor.execute("UPDATE archive_probe SET number = 2")
        assert numbers_in(connections["archive"]) == [1]
    assert (guard.tried, connections["archive"]) == ([], usual)
    assert numbers_in(usual) == [2]


def test_it_is_connected_to_only_where_it_is_used_and_let_go_in_the_end(archive: Any) -> None:
    opened: list[Any] = []

    def note(connection: Any, **_: Any) -> None:
        opened.append(connection)

    connection_created.connect(note)
    try:
        with read_only_snapshot(5.0), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert [one for one in opened if one.alias == "archive"] == []
        with read_only_snapshot(5.0):
            numbers_in(connections["archive"])
            numbers_in(connections["archive"])
    finally:
        connection_created.disconnect(note)
    [one] = [one for one in opened if one.alias == "archive"]
    assert one.connection is None


def test_a_connection_whose_snapshot_cannot_begin_is_not_used(archive: Any) -> None:
    usual: Any = connections["archive"]

    def begin(self: Any, *_: Any) -> None:
        raise DatabaseError("planted")

    failing = type("Failing", (type(usual),), {"_set_autocommit": begin, "_start_transaction_under_autocommit": begin})
    connections["archive"] = failing(usual.settings_dict, "archive")
    with read_only_snapshot(5.0):
        for _ in range(2):
            with pytest.raises(DatabaseError, match="planted"):
                send(INSERT)
        assert connections["archive"].connection is None
    assert numbers_in(archive) == [1]


def test_a_database_that_cannot_be_kept_read_only_is_refused(archive: Any) -> None:
    usual: Any = connections["archive"]
    foreign = type("Foreign", (type(usual),), {"vendor": "mysql"})
    connections["archive"] = foreign(usual.settings_dict, "archive")
    with read_only_snapshot(5.0) as guard, pytest.raises(SideEffectError):
        numbers_in(connections["archive"])
    assert guard.tried == ["uses the database archive, which can't be kept read-only"]
    assert numbers_in(connections["archive"]) == [1]


@pytest.mark.parametrize("act", [*WRITES[:4], send_past_django])
def test_a_repeated_write_does_not_connect_to_it(archive: Any, act: Callable[[], None]) -> None:
    numbers_in(connections["archive"])
    tried: list[str] = []
    with other_databases_refused(tried), pytest.raises(SideEffectError):
        act()
    assert tried == ["uses the database archive, which has no copy"]
    assert numbers_in(connections["archive"]) == [1]


def reads(_: HttpRequest) -> JsonResponse:
    return JsonResponse(numbers_in(connections["archive"]), safe=False)


def writes(_: HttpRequest) -> JsonResponse:
    """It survives the refusal, and leaves a transaction that has failed."""
    try:
        send_within_a_block()
    except DatabaseError:
        send("SELECT 1")
        try:
            send(INSERT)
        except DatabaseError:
            return JsonResponse([], safe=False)
    return JsonResponse([7], safe=False)


def closes(_: HttpRequest) -> JsonResponse:
    numbers_in(connections["archive"])
    connections["archive"].close()
    return JsonResponse([], safe=False)


urlpatterns = [path(f"api/v1/{view.__name__}", view) for view in (reads, writes, closes)]


@pytest.fixture
def asked(archive: Any, rollout: Any) -> Callable[[Guard, str], Answer]:
    rollout(ARMS={1: __name__, 2: "tests.canary.arm_urls_v2"})

    def ask_for(guard: Guard, path: str) -> Answer:
        request, nothing = RequestFactory().get(f"/api/v1{path}"), Snapshot(version=0, weight_bp=0, salt="s")
        return ask(read_of(request, Decision(STABLE, "pinned"), nothing), STABLE, path, "", guard)

    return ask_for


def test_a_version_does_not_suffer_from_the_refusal_of_the_other(asked: Callable[[Guard, str], Answer]) -> None:
    with read_only_snapshot(5.0) as guard:
        one = asked(guard, "/writes")
        other = asked(guard, "/reads")
    assert (one.body, len(one.tried)) == ([], 2)
    assert (other.status, other.body, other.tried) == (200, [1], ())


def test_the_version_that_connects_has_no_more_statements_than_the_other(
    asked: Callable[[Guard, str], Answer],
) -> None:
    with read_only_snapshot(5.0) as guard:
        assert [asked(guard, "/reads").statements for _ in range(3)] == [1, 1, 1]


def test_after_a_view_that_closes_it_the_pair_ends_and_the_next_one_begins(
    archive: Any, asked: Callable[[Guard, str], Answer]
) -> None:
    """Else the second version would fail where the first did not."""
    with read_only_snapshot(5.0) as guard, pytest.raises(DatabaseError):
        asked(guard, "/closes")
    with read_only_snapshot(5.0) as guard:
        assert asked(guard, "/reads").body == [1]
    assert numbers_in(connections["archive"]) == [1]
