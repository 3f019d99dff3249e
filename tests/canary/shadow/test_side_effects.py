"""A repeated read sends no mail, connects to nobody, starts nothing and writes to no cache, even if it swallows the refusal."""

import asyncio
import contextlib
import json
import os
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core import mail
from django.core.cache import cache, caches
from django.db import connection
from psycopg import connect as bound_connect
from psycopg import pq
from psycopg.conninfo import make_conninfo
from redis import Redis, RedisError

from canary.shadow.side_effects import SideEffectError, refused
from cms.outgoing.sending import Message, send_each

HANG_S = 60.0
ROOT = Path(__file__).parents[3]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def has_been_called(server: socket.socket) -> bool:
    try:
        server.accept()[0].close()
    except TimeoutError:
        return False
    return True


def mail_one() -> None:
    mail.EmailMessage("Hello", "text", to=["a@example.org"]).send()


def mail_many() -> None:
    mail.mailers.default.send_messages([mail.EmailMessage("Hello", "text", to=["a@example.org"])])


def clear() -> None:
    caches["default"].clear()


SIDE_EFFECTS: list[tuple[Callable[[], object], str]] = [
    (mail_one, "sends mail"),
    (mail_many, "sends mail"),
    (lambda: cache.set("k", 2), "calls set() of the cache default"),
    (lambda: cache.add("k", 2), "calls add() of the cache default"),
    (lambda: cache.incr("k"), "calls incr() of the cache default"),
    (lambda: cache.delete("k"), "calls delete() of the cache default"),
    (lambda: cache.touch("k"), "calls touch() of the cache default"),
    (lambda: cache.get_or_set("other", 2), "calls get_or_set() of the cache default"),
    (clear, "calls clear() of the cache default"),
    (lambda: threading.Thread(target=print).start(), "starts a thread"),
    (lambda: subprocess.run([sys.executable, "-c", ""], check=True), "starts a process"),
]


@pytest.mark.parametrize(("act", "named"), SIDE_EFFECTS)
def test_what_is_more_than_reading_is_refused_and_named(act: Callable[[], object], named: str) -> None:
    cache.set("k", 1)
    tried: list[str] = []
    with refused(tried), pytest.raises(SideEffectError, match=named.replace("(", r"\(").replace(")", r"\)")):
        act()
    assert tried == [named]
    assert (cache.get("k"), cache.get("other"), mail.outbox) == (1, None, [])


@pytest.mark.parametrize("act", [act for act, _ in SIDE_EFFECTS[:4]])
def test_outside_and_in_other_threads_all_is_as_ever(act: Callable[[], object]) -> None:
    errors: list[Exception] = []

    begin, end = threading.Event(), threading.Event()

    def elsewhere() -> None:
        begin.wait(HANG_S)
        try:
            act()
        except Exception as error:
            errors.append(error)
        end.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    with refused([]):
        begin.set()
        assert end.wait(HANG_S)
    thread.join()
    act()
    assert errors == []


def test_what_is_cached_can_be_read() -> None:
    cache.set_many({"a": 1, "b": 2})
    tried: list[str] = []
    with refused(tried):
        assert (cache.get("a"), cache.get_many(["a", "b"]), "b" in cache) == (1, {"a": 1, "b": 2}, True)
        assert cache.get("nothing", 7) == 7
    assert tried == []


def test_nobody_is_connected_to(listener: socket.socket) -> None:
    tried: list[str] = []
    host, port = listener.getsockname()
    with refused(tried), pytest.raises(SideEffectError):
        socket.create_connection((host, port), timeout=HANG_S)
    assert tried == [f"connects to {host}:{port}"]
    assert not has_been_called(listener)


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection that is open before."""
    one, other = socket.socketpair()
    other.setblocking(False)
    with one, other:
        yield one, other


def send_a_file(line: socket.socket) -> None:
    with Path(__file__).open("rb") as file:
        line.sendfile(file)


SENDS: list[Callable[[Any], object]] = [
    lambda line: line.send(b"x"),
    lambda line: line.sendall(b"x"),
    lambda line: line.sendmsg([b"x"]),
    lambda line: line.sendto(b"x", "nowhere"),
    lambda line: line.makefile("wb", buffering=0).write(b"x"),
    send_a_file,
]


@pytest.mark.parametrize("send", SENDS)
def test_a_repeated_write_sends_nothing_over_what_is_open(
    line: tuple[socket.socket, socket.socket], send: Callable[[Any], object]
) -> None:
    tried: list[str] = []
    with refused(tried, is_write=True), pytest.raises(SideEffectError, match="sends to another process"):
        send(line[0])
    with pytest.raises(BlockingIOError):
        line[1].recv(1)
    assert line[0].send(b"y") == 1
    assert line[1].recv(2) == b"y"


@pytest.mark.parametrize("send", [*SENDS[:2], lambda line: line.write(b"x"), send_a_file])
def test_nor_over_tls(line: tuple[socket.socket, socket.socket], send: Callable[[Any], object]) -> None:
    context = ssl.create_default_context()
    with context.wrap_socket(line[0], do_handshake_on_connect=False, server_hostname="example.org") as secure:
        secure.setblocking(False)
        with refused([], is_write=True), pytest.raises(SideEffectError, match="sends to another process"):
            send(secure)
        with pytest.raises(BlockingIOError):
            line[1].recv(1)


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_nor_hands_work_to_an_executor(kind: type[ThreadPoolExecutor]) -> None:
    with kind(1) as pool, refused([], is_write=True), pytest.raises(SideEffectError, match="hands work to an executor"):
        pool.submit(int)


def test_a_repeated_read_may_ask_over_what_is_open(line: tuple[socket.socket, socket.socket]) -> None:
    with refused([]):
        assert line[0].send(b"x") == 1


def test_no_webhook_is_sent_though_its_sender_survives_everything(listener: socket.socket) -> None:
    host, port = listener.getsockname()
    message = Message(f"http://{host}:{port}/hook", "whsec_c2VjcmV0", "m", 1, {})
    tried: list[str] = []
    with refused(tried):
        [(_, answer)] = send_each([message], timeout_s=HANG_S, is_private_allowed=True)
    assert answer.status is None
    assert tried
    assert not has_been_called(listener)


def own_connection() -> None:
    with contextlib.closing(connection.copy()) as own, own.cursor() as cursor:
        cursor.execute("SELECT 1")


def driver_params() -> Any:
    return connection.get_connection_params() | {"cursor_factory": None}


def own_driver() -> None:
    psycopg.connect(**driver_params()).close()


def bound_driver() -> None:
    """By a name that was bound at the import, before the first repeat."""
    bound_connect(**driver_params()).close()


class OwnConnection(psycopg.Connection[Any]):
    pass


def driver_of_a_subclass() -> None:
    OwnConnection.connect(**driver_params()).close()


def asynchronous_driver() -> None:
    async def connect() -> None:
        await (await psycopg.AsyncConnection.connect(**driver_params())).close()

    asyncio.run(connect())


def below_the_driver(name: str) -> None:
    names = {"dbname", "user", "password", "host", "port"}
    conninfo = make_conninfo(**{key: value for key, value in driver_params().items() if key in names})
    getattr(pq.PGconn, name)(conninfo.encode()).finish()


def own_client() -> None:
    """With the address of a cache of the settings."""
    Redis.from_url(os.environ["REDIS_URL"]).incr("views")


@pytest.mark.django_db
@pytest.mark.skipif(os.environ["DATABASE_URL"].startswith("sqlite"), reason="of PostgreSQL")
@pytest.mark.parametrize(
    ("act", "named"),
    [
        (own_connection, "opens a connection of its own to the database default"),
        (own_driver, "opens a connection of its own to a database"),
        (bound_driver, "opens a connection of its own to a database"),
        (driver_of_a_subclass, "opens a connection of its own to a database"),
        (asynchronous_driver, "opens a connection of its own to a database"),
        (partial(below_the_driver, "connect"), "opens a connection of its own to a database"),
        (partial(below_the_driver, "connect_start"), "opens a connection of its own to a database"),
        (own_client, "connects to "),
    ],
)
def test_a_store_is_not_connected_to_past_django(act: Callable[[], object], named: str) -> None:
    """Nothing refuses the writes that are sent over such a connection."""
    tried: list[str] = []
    with refused(tried), pytest.raises((SideEffectError, RedisError)):
        act()
    assert tried != []
    assert all(one.startswith(named) for one in tried)
    act()


def test_nor_is_a_file_of_sqlite(tmp_path: Path) -> None:
    tried: list[str] = []
    with refused(tried), pytest.raises(SideEffectError):
        sqlite3.connect(tmp_path / "own.db")
    assert tried == ["opens a connection of its own to a database"]
    assert list(tmp_path.iterdir()) == []
    with contextlib.closing(sqlite3.connect(tmp_path / "own.db")) as own:
        own.execute("CREATE TABLE views (id integer)")


LATE_DRIVER = """
import sys
from django.conf import settings
settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
from canary.shadow.side_effects import SideEffectError, refused
assert "psycopg" not in sys.modules
with refused([]):
    pass
with refused([]):
    import psycopg
    try:
        psycopg.connect("host=/nowhere")
    except SideEffectError as error:
        print(error)
"""


def test_nor_by_a_driver_that_is_imported_after_the_first_repeat() -> None:
    done = subprocess.run([sys.executable, "-c", LATE_DRIVER], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "A repeated request opens a connection of its own to a database.\n"


@pytest.mark.django_db(transaction=True)
def test_a_store_is_connected_to_by_django() -> None:
    """A fresh thread has no connection to a database or a cache yet."""

    def read() -> list[object]:
        try:
            with refused(tried):
                cache.get("k")
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1")
                    return [*cursor.fetchone()]
        finally:
            if connection.vendor == "sqlite" and connection.connection is not None:
                connection.connection.close()  # Django leaves one to an SQLite in memory open
            connection.close()

    tried: list[str] = []
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(read).result() == [1]
    assert tried == []


OF_DJANGO_ITSELF = """
import json, sys
from django.conf import settings
settings.configure(DATABASES=json.loads(sys.argv[1]))
from django.apps import apps
apps.populate([])
from django.db import connection
from canary.shadow.side_effects import refused
tried = []
with refused(tried), connection.cursor() as cursor:
    cursor.execute("SELECT 1")
    print(cursor.fetchone(), tried)
connection.close()
connection.close_pool()
"""


@pytest.mark.django_db
@pytest.mark.skipif(os.environ["DATABASE_URL"].startswith("sqlite"), reason="of PostgreSQL")
@pytest.mark.parametrize("is_pooled", [True, False])
def test_also_by_its_own_backend_which_may_open_a_pool(is_pooled: bool) -> None:
    """A repeat may be the first to ask a database: before a step up, nothing else runs v2."""
    names = ("NAME", "USER", "PASSWORD", "HOST", "PORT")
    database = {name: connection.settings_dict[name] for name in names}
    database |= {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"pool": is_pooled}}
    command = [sys.executable, "-c", OF_DJANGO_ITSELF, json.dumps({"default": database})]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "(1,) []\n", done.stderr


@pytest.mark.skipif(not os.environ["REDIS_URL"], reason="of Redis")
def test_keys_are_iterated_though_any_step_may_have_to_connect() -> None:
    backend: Any = caches["default"]
    backend.set_many({f"k{number}": number for number in range(100)})
    lost = backend.client.get_client().connection_pool.disconnect
    tried: list[str] = []
    lost()
    with refused(tried):
        reader: Any = caches["default"]
        keys = reader.iter_keys("k*", itersize=5)
        found = {next(keys)}
        lost()
        with pytest.raises(RedisError):
            own_client()  # the view is refused its own between the keys, as ever
        assert len(tried) > 0
        tried.clear()
        found.update(keys)
    assert (len(found), tried) == (100, [])
