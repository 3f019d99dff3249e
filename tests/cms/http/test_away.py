"""Which errors are an outage that both versions meet, and which are of a version's own statement or file."""

import errno
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, nullcontext
from pathlib import Path

import pytest
from django.db import InterfaceError, OperationalError
from django.db.transaction import TransactionManagementError
from django.http import HttpResponse

from cms.db.postgresql.errors import PoolBusy, ShareBusy
from cms.http.unavailable import is_away, is_unavailable, mark_away
from cms.media.outages import MediaUnavailable, keeping_files


def marked(cause: BaseException) -> bool:
    """Return whether the answer is away, alike for the error itself and for the statement after it."""
    found = set()
    for is_after in (False, True):
        response = HttpResponse(status=503)
        mark_away(response, _raised(cause, is_after=is_after))
        found.add(bool(is_away(response)))
    (is_marked,) = found
    return is_marked


def _raised(cause: BaseException, *, is_after: bool) -> BaseException:
    try:
        try:
            raise OperationalError(*cause.args) from cause
        except OperationalError as error:
            if is_after:
                raise TransactionManagementError from error
            raise
    except (OperationalError, TransactionManagementError) as last:
        return last


type Connect = Callable[..., sqlite3.Connection]


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    with ExitStack() as open_ones:
        yield lambda name, **options: open_ones.enter_context(closing(sqlite3.connect(f"{tmp_path}/{name}", **options)))


def locked(connect: Connect, folder: Path) -> object:
    holder, other = (connect("a.sqlite3", timeout=0) for _ in range(2))
    holder.execute("BEGIN EXCLUSIVE")
    return other.execute("BEGIN IMMEDIATE")


def broken(connect: Connect, folder: Path) -> object:
    (folder / "b.sqlite3").write_bytes(b"no database " * 200)
    return connect("b.sqlite3").execute("SELECT * FROM sqlite_master")


def absent(connect: Connect, folder: Path) -> object:
    return connect("none/c.sqlite3")


@pytest.mark.parametrize("fail", [locked, broken, absent])
def test_a_file_that_is_locked_broken_or_absent_is_away(
    fail: Callable[[Connect, Path], object], connect: Connect, tmp_path: Path
) -> None:
    with pytest.raises(sqlite3.DatabaseError) as caught:
        fail(connect, tmp_path)
    assert marked(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT nothing",
        "SELECT * FROM nothing",
        "SELECT nothing()",
        "SELEC 1",
        f"SELECT {'1+' * 2_000}1",
        f"SELECT {','.join('?' * 40_000)}",
    ],
    ids=["column", "table", "function", "syntax", "depth", "variables"],
)
def test_a_wrong_statement_is_its_versions_own(statement: str, connect: Connect) -> None:
    """Else a v2 whose SQL is wrong would fail every read, and nobody would count it."""
    with pytest.raises(sqlite3.OperationalError) as caught:
        connect("a.sqlite3").execute(statement)
    assert not marked(caught.value)


def test_a_cursor_that_the_view_itself_has_closed_is_its_own() -> None:
    response = HttpResponse(status=503)
    mark_away(response, InterfaceError("the cursor is closed"))
    assert not is_away(response)


@pytest.mark.parametrize(("busy", "is_shared"), [(PoolBusy, True), (ShareBusy, False)])
def test_connections_that_its_own_threads_keep_are_a_versions_own(busy: type[Exception], is_shared: bool) -> None:
    assert marked(busy("none is free")) == is_shared


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_is_away_where_the_media_are_kept_and_nowhere_else(code: int) -> None:
    """Else a v2 that alone writes to an image's read-only file system would fail every read, and nobody would count it."""
    found = {}
    for name, keeping in (("media", keeping_files), ("a view's own", nullcontext)):
        response = HttpResponse(status=503)
        with pytest.raises(OSError) as caught, keeping():
            raise OSError(code, "planted", "a.txt")
        mark_away(response, caught.value)
        found[name] = (is_unavailable(caught.value), is_away(response))
    assert found == {"media": (True, True), "a view's own": (True, False)}


def test_a_storage_that_is_away_or_has_lost_a_file_says_so_itself() -> None:
    for error in (MediaUnavailable("timeout", "a.jpg"), FileNotFoundError(errno.ENOENT, "gone", "a.jpg")):
        with pytest.raises(OSError) as caught, keeping_files():
            raise error
        assert caught.value is error
