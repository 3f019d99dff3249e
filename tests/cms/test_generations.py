"""Generations of the public content: every change begins one, in every process, and nothing unsure is ever served."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from django.apps import apps
from django.db import connection, transaction
from django.utils import timezone

from cms.generations import begin_generation, current_generation, in_redis
from cms.generations.in_postgresql import PRIVATE_TABLES, Counters
from cms.generations.in_redis import CONFIRMED_FOR_S, KEY, RedisGenerations
from cms.generations.in_sqlite import SqliteGenerations
from cms.generations.writes import changes_public_content
from cms.models import Post, User
from cms.services.sessions import open_session
from tests.engines import find_redis
from tests.servers import free_port, spawn, stop_process
from tests.session import ENGINES, patient

on_redis = pytest.mark.skipif(
    os.environ["DATABASE_URL"].startswith("sqlite"), reason="in memory SQLite has no generations"
)


@pytest.fixture
def redis_url() -> Iterator[str]:
    url = patient(ENGINES.redis_url_for(os.environ.get("PYTEST_XDIST_WORKER", "master")))
    if not url:
        pytest.skip("no Redis was found (REQUIRE_SERVICES=1 makes that a failure)")
    yield url
    redis.Redis.from_url(url).flushdb()


def soon(is_so: Callable[[], bool], within_s: float = 60) -> bool:
    deadline = time.monotonic() + within_s
    while not (found := is_so()) and time.monotonic() < deadline:
        time.sleep(0.001)
    return found


def test_a_change_told_by_one_process_is_known_to_another_when_its_knowledge_ends(redis_url: str) -> None:
    writer, reader = RedisGenerations(redis_url), RedisGenerations(redis_url)
    for _ in range(20):
        before = reader.current()
        writer.begin()
        time.sleep(CONFIRMED_FOR_S)  # not for luck: this is what is promised
        assert reader.current() != before
    assert reader.current() == reader.current()


def test_the_process_that_tells_knows_at_once(redis_url: str) -> None:
    generations = RedisGenerations(redis_url)
    before = generations.current()
    generations.begin()
    assert generations.current() == (before or 0) + 1


def test_threads_that_tell_at_once_are_each_told_of(redis_url: str) -> None:
    writer, reader = RedisGenerations(redis_url), RedisGenerations(redis_url)

    def change(_: int) -> bool:
        before = reader.current()
        writer.begin()
        return soon(lambda: reader.current() != before)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(change, range(200)))


def test_a_flushed_redis_and_one_with_an_old_token_begin_a_generation(redis_url: str) -> None:
    reader, client = RedisGenerations(redis_url), redis.Redis.from_url(redis_url)
    seen = [reader.current()]
    old = client.get(KEY)
    for lose in (client.flushdb, lambda: client.set(KEY, old or b"")):
        lose()
        assert soon(lambda: reader.current() != seen[-1])
        seen.append(reader.current())
    assert seen == [1, 2, 3]


def test_a_lost_connection_begins_no_generation_while_the_same_server_has_the_same_token(redis_url: str) -> None:
    reader, writer = RedisGenerations(redis_url), RedisGenerations(redis_url)
    before = reader.current()
    _end_all_connections(redis_url)
    assert reader.current() == before
    _end_all_connections(redis_url)
    writer.begin()
    assert reader.current() == (before or 0) + 1


def _end_all_connections(redis_url: str) -> None:
    redis.Redis.from_url(redis_url).client_kill_filter(_type="normal", skipme=True)
    time.sleep(CONFIRMED_FOR_S)  # what is known ends


def test_another_server_with_the_same_token_begins_a_generation(own_redis: tuple[Path, int, Path]) -> None:
    reader = RedisGenerations(f"redis://127.0.0.1:{own_redis[1]}/0")
    tokens: list[Any] = []
    for _ in range(2):
        with _serving_redis(*own_redis):
            if tokens:
                redis.Redis(port=own_redis[1]).set(KEY, tokens[0])
            number = reader.current()
            tokens.append(_get(own_redis[1]))
    assert tokens[0] == tokens[1]
    assert number == 2


def test_an_answer_that_is_late_is_waited_for_by_those_who_have_no_database(
    own_redis: tuple[Path, int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the generation goes on, for nothing has happened meanwhile; others do without it at once, and for a while."""
    monkeypatch.setattr(in_redis, "PAUSE_S", 30)
    reader = RedisGenerations(f"redis://127.0.0.1:{own_redis[1]}/0")
    with _serving_redis(*own_redis) as server:
        before = reader.current()
        time.sleep(CONFIRMED_FOR_S)
        server.send_signal(signal.SIGSTOP)
        try:
            assert reader.current() is None
            resume = threading.Timer(0.3, server.send_signal, [signal.SIGCONT])
            resume.start()
            with ThreadPoolExecutor(8) as pool:
                assert {*pool.map(lambda _: reader.current_however_late(), range(8))} == {before}
            resume.join()
        finally:
            server.send_signal(signal.SIGCONT)
        assert reader.current() is None


def test_without_an_answer_from_redis_nothing_is_known_and_nobody_waits_long() -> None:
    waits: list[list[float]] = [[], [], []]
    with socket.socket() as deaf:  # it takes connections and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        for _ in range(4):  # the shortest of each counts: a machine that is busy for a moment is so for one of them
            generations = RedisGenerations(f"redis://127.0.0.1:{deaf.getsockname()[1]}/0")
            for waited, ask in zip(waits, (generations.current, generations.begin, generations.current), strict=True):
                begin = time.monotonic()
                assert ask() is None
                waited.append(time.monotonic() - begin)
    assert min(waits[0]) < 0.4
    assert min(waits[1]) < 0.4
    assert min(waits[2]) < 0.1


def test_what_could_not_be_told_is_told_when_redis_is_back(own_redis: tuple[Path, int, Path]) -> None:
    RedisGenerations(f"redis://127.0.0.1:{own_redis[1]}/0").begin()  # nobody asks it for anything afterwards
    with _serving_redis(*own_redis):
        assert soon(lambda: _get(own_redis[1]) is not None)


@pytest.mark.parametrize("refusing", [{"maxmemory": "1"}, {"replicaof": "127.0.0.1 1"}], ids=["full", "read-only"])
def test_nothing_is_known_while_redis_is_read_but_takes_no_writes(
    own_redis: tuple[Path, int, Path], refusing: dict[str, str]
) -> None:
    """A change can't be told then, so what is kept may be of before: a post that was hidden stayed public."""
    with _serving_redis(*own_redis), redis.Redis(port=own_redis[1]) as client:
        writer, reader = (RedisGenerations(f"redis://127.0.0.1:{own_redis[1]}/0") for _ in range(2))
        before = reader.current()
        assert before is not None
        for name, value in refusing.items():
            client.execute_command(
                *(["REPLICAOF", *value.split()] if name == "replicaof" else ["CONFIG SET", name, value])
            )
        writer.begin()
        time.sleep(CONFIRMED_FOR_S)  # not for luck: so long the reader may rely on what it knew
        assert client.exists(KEY)
        assert reader.current() is None
        client.execute_command(
            *(["REPLICAOF", "NO", "ONE"] if "replicaof" in refusing else ["CONFIG SET", "maxmemory", "0"])
        )
        assert soon(lambda: reader.current() not in (None, before))


@pytest.fixture
def own_redis(tmp_path: Path) -> tuple[Path, int, Path]:
    """What `_serving_redis` takes, for a Redis that may be stopped."""
    program = find_redis(os.environ)
    if program is None:
        pytest.skip("no Redis was found (REQUIRE_SERVICES=1 makes that a failure)")
    return program, free_port(), tmp_path


@contextlib.contextmanager
def _serving_redis(program: Path, port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """It answers when the block begins."""
    command = [str(program), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    server = spawn(command, log=folder / "log", cwd=folder)
    try:
        assert soon(lambda: _answers(port))
        yield server
    finally:
        stop_process(server)


def _answers(port: int) -> bool:
    try:
        with redis.Redis(port=port) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _get(port: int) -> Any:
    try:
        with redis.Redis(port=port) as client:
            return client.get(KEY)
    except redis.RedisError:
        return None


def test_any_commit_to_an_sqlite_file_begins_a_generation_and_nothing_else_does(tmp_path: Path) -> None:
    path = str(tmp_path / "db.sqlite3")
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("CREATE TABLE t (n)")
    generations = SqliteGenerations(path)
    assert (generations.current(), generations.current()) == (1, 1)
    writer.execute("INSERT INTO t VALUES (1)")
    assert (generations.current(), generations.current()) == (2, 2)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO t VALUES (2)")
    assert generations.current() == 2
    writer.execute("ROLLBACK")
    assert generations.current() == 2
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO t VALUES (2)")
    writer.execute("COMMIT")
    assert generations.current() == 3
    writer.close()
    generations.close()


def test_an_sqlite_file_that_is_not_there_has_no_generation_and_is_not_made(tmp_path: Path) -> None:
    assert SqliteGenerations(str(tmp_path / "none.sqlite3")).current() is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("sql", "is_change"),
    [
        ('INSERT INTO "cms_post" ("id") VALUES (%s)', True),
        ('UPDATE "cms_tag" SET "usage_count" = 1', True),
        ('DELETE FROM "cms_post_tags" WHERE 1', True),
        ('TRUNCATE "cms_comment", "cms_post"', True),
        ('UPDATE "cms_user" SET "display_name" = %s WHERE 1', True),
        ('UPDATE "cms_user" SET "last_login" = %s, "username" = %s WHERE 1', True),
        ('UPDATE "cms_user" SET "last_login" = %s WHERE 1', False),
        ('INSERT INTO "cms_postrevision" ("id") VALUES (%s)', False),
        ('UPDATE "cms_job" SET "attempts" = 1', False),
        ('INSERT INTO "django_session" VALUES (1)', False),
        ('SELECT 1 FROM "cms_post" FOR UPDATE', False),
    ],
)
def test_statements_that_change_what_anybody_may_read_are_told_from_others(sql: str, is_change: bool) -> None:
    assert changes_public_content(sql) is is_change


def test_every_table_is_known_to_be_private_or_public() -> None:
    tables = {model._meta.db_table.removeprefix("cms_") for model in apps.get_app_config("cms").get_models()}
    assert set(PRIVATE_TABLES) <= tables
    public = {"post", "tag", "category", "comment", "user", "mediafile", "rendition", "redirect", "searchdocument"}
    assert tables - set(PRIVATE_TABLES) == public


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL alone needs counters")
def test_a_change_that_nobody_reports_is_counted_once_its_connection_has_ended(make_user: Callable[..., User]) -> None:
    make_user(username="ada")
    counters = Counters()
    assert counters.still_since() == float("inf")
    counters.look()
    deadline = time.monotonic() + 30
    while True:  # until all earlier changes are counted, this process's own among them
        before = counters.still_since()
        connection.close()
        counters.look()
        if counters.still_since() == before:
            break
        assert time.monotonic() < deadline
    with psycopg.connect(**{**connection.get_connection_params(), "autocommit": True}) as other:
        other.execute("UPDATE cms_user SET display_name = 'Ada'")
    while counters.still_since() == before:
        assert time.monotonic() < deadline
        counters.look()
    assert before < counters.still_since() <= time.monotonic()


@on_redis
@pytest.mark.django_db(transaction=True)
def test_a_transaction_tells_once_after_its_commit_and_a_rolled_back_one_never(make_user: Callable[..., User]) -> None:
    author = make_user("author")
    before = current_generation()
    with transaction.atomic():
        for number in range(3):
            Post.objects.create(title="x", slug=f"x-{number}", content="x", author=author)
            assert current_generation() is None
    assert current_generation() == (before or 0) + 1
    with transaction.atomic():
        Post.objects.update(title="y")
        transaction.set_rollback(True)
    assert current_generation() == (before or 0) + 1


@on_redis
@pytest.mark.django_db(transaction=True)
def test_a_write_inside_a_savepoint_is_told_of_unless_the_savepoint_is_rolled_back(
    make_user: Callable[..., User],
) -> None:
    author = make_user("author")
    before = current_generation() or 0
    with transaction.atomic():
        with transaction.atomic():
            Post.objects.create(title="x", slug="x", content="x", author=author)
            transaction.set_rollback(True)
        with transaction.atomic():
            Post.objects.create(title="y", slug="y", content="y", author=author)
    assert current_generation() == before + 1
    with transaction.atomic(), transaction.atomic():
        Post.objects.update(title="y")
        transaction.set_rollback(True)
    assert current_generation() == before + 1


@on_redis
@pytest.mark.django_db(transaction=True)
def test_a_login_begins_no_generation_and_a_plain_statement_does(make_user: Callable[..., User]) -> None:
    user = make_user()
    before = current_generation() or 0
    open_session(user=user, now=timezone.now())
    assert current_generation() == before
    with connection.cursor() as cursor:
        cursor.execute("UPDATE cms_user SET bio = 'x'")
    assert current_generation() == before + 1


@pytest.mark.django_db(transaction=True)
def test_without_redis_a_database_that_is_no_file_has_no_generation(settings: Any) -> None:
    settings.REDIS_URL = ""
    begin_generation()
    assert current_generation() is None
