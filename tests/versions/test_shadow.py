"""Shadow reads of the real APIs: equal on real content, blind to nothing that is planted, and without any trace."""

import hashlib
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from api_v2.views.public_view import BODIES
from canary.models import ShadowDifference, ShadowTotal
from canary.shadow.offering import READER, ShadowReader
from canary.shadow.reading import Read, read_both, read_only_snapshot
from canary.shadow.results import summary
from cms.models import Comment, Post, Tag, User
from cms.policy import SYSTEM
from cms.seeding.demo import seed_demo
from cms.services.api_keys import create_api_key
from cms.services.sessions import open_session
from cms.services.users import create_user
from tests.api_v1.translating import ROUTES, requests_of

pytestmark = pytest.mark.django_db
MAPPED = [route for route in ROUTES if route["method"] == "GET" and route["call"]]
META = {
    "SERVER_NAME": "testserver",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "REMOTE_ADDR": "203.0.113.7",
    "wsgi.url_scheme": "http",
}


@dataclass(frozen=True)
class Content:
    """The demo content and two users, there for all tests of this module: reads that leave nothing behind change nothing."""

    admin: User
    token: str
    author: User
    raw_key: str
    post: str
    """The path of one with comments."""
    draft: str


@pytest.fixture(scope="module")
def content(django_db_setup: None, django_db_blocker: Any) -> Iterator[Content]:
    now = timezone.now()
    with django_db_blocker.unblock():
        seed_demo(password=None, now=now)
        admin, author = (
            create_user(
                actor=SYSTEM,
                fields={"username": f"the_{role}", "email": f"{role}@example.org", "role": role},
                password=None,
                now=now,
            )
            for role in ("admin", "author")
        )
        create_api_key(actor=admin, owner=admin, fields={"name": "K", "scopes": ["posts:read"]}, now=now)
        key = create_api_key(actor=author, owner=author, fields={"name": "K", "scopes": ["posts:read"]}, now=now)
        post = Comment.objects.filter(status="published", post__in=Post.objects.public(now)).order_by("pk")[0].post_id
        draft = Post.objects.filter(status="draft", kind="post").order_by("pk")[0].pk
        token = open_session(user=admin, now=now).access_token
        yield Content(admin, f"Bearer {token}", author, key.raw_key, f"/posts/{post}", f"/posts/{draft}")
        call_command("flush", verbosity=0, interactive=False)


@pytest.fixture(autouse=True)
def _django_db_marker(content: Content, django_db_blocker: Any) -> Iterator[None]:
    """In the place of pytest-django's own: no transaction around a test, for a snapshot begins one itself."""
    with django_db_blocker.unblock():
        yield
        ShadowTotal.objects.all().delete()
        ShadowDifference.objects.all().delete()


def read_of(path: str, query: str = "", user: User | None = None, **headers: str) -> Read:
    user_id = str(user.pk) if user and "HTTP_AUTHORIZATION" in headers else None
    return Read(f"/api/v1{path}", query, {**META, **headers}, 1, "an-id", bool(headers), user_id)


def reads(user: User | None = None, **headers: str) -> Iterator[Read]:
    for route in MAPPED:
        for values, asked in requests_of(route, user):
            yield read_of(unquote(route["path"].format(**values)), urlencode(asked), user, **headers)


@pytest.fixture
def planted(settings: Settings) -> None:
    """v2 is wrong as `planted_v2` says."""
    settings.CANARY = {**settings.CANARY, "ARMS": {**settings.CANARY["ARMS"], 2: "tests.versions.planted_v2"}}


@pytest.fixture
def reader(settings: Settings) -> Iterator[ShadowReader]:
    """As in a server process, but for the thread: the tests take its turns. All reads are taken, and all of a core."""
    settings.CANARY = {**settings.CANARY, "SHADOW_BP": 10_000, "SHADOW_CPU_BP": 10_000}
    READER.is_open = True
    yield READER
    drain(READER)
    READER.is_open = False
    READER.tally.flush()


def drain(reader: ShadowReader) -> None:
    deadline = time.monotonic() + 30
    while reader.waiting and time.monotonic() < deadline:
        reader.take_turn()
    assert not reader.waiting


def fingerprints() -> dict[str, str]:
    """Of every table all rows, in PostgreSQL with their places and the transactions that wrote them.

    Not with xmax: a VACUUM by itself clears what the locks of past transactions left there.
    """
    found = {}
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            columns = "ctid, xmin, t::text" if is_postgresql else "*"
            cursor.execute(f'SELECT {columns} FROM "{table}" t')
            rows = sorted(map(repr, cursor.fetchall()))
            found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def test_every_declared_read_is_equal_on_real_content_for_nobody_and_for_an_admin(content: Content) -> None:
    equal: Counter[str] = Counter()
    for user in (None, content.admin):
        for read in reads(user, **({"HTTP_AUTHORIZATION": content.token} if user else {})):
            outcome = read_both(read)
            assert outcome.result in ("equal", "unmapped"), outcome
            equal[outcome.route] += outcome.result == "equal"
    assert [route for route in MAPPED if not equal[f"{route['method']} {route['path']}"]] == []


@pytest.mark.parametrize(
    ("path", "query", "result"),
    [
        ("/posts", "limit=7&page=2", "equal"),
        ("/posts", "limit=3&page=5&sort=title", "equal"),
        ("POST/comments", "limit=2", "equal"),
        ("/tags", "limit=0&page=x&utm_source=mail", "equal"),
        ("/search", "q=caf%C3%A9&limit=3", "equal"),
        ("/search/suggest", "prefix=s&limit=99", "equal"),
        ("/health", "", "unmapped"),
        ("/nothing", "", "unmapped"),
        ("/search", "", "unmapped"),
        ("/search", "q=the&offset=3", "unmapped"),
        ("/posts", "tag=%00", "unmapped"),
        ("/posts", "limit=1&page=6", "unmapped"),
        ("/posts", "page=2&limit=100", "unmapped"),
        ("/users", "", "unmapped"),
    ],
)
def test_pages_and_odd_values_are_compared_or_known_not_to_be_comparable(
    content: Content, path: str, query: str, result: str
) -> None:
    assert read_both(read_of(path.replace("POST", content.post), query)).result == result


@pytest.mark.usefixtures("planted")
def test_a_planted_wrong_field_is_found_within_the_predicted_number_of_reads_and_named(
    content: Content, reader: ShadowReader, settings: Settings
) -> None:
    """Of a sample of 20 % the first is among the first 31 with a probability of 1 - 0.8**31 = 99.9 %."""
    settings.CANARY = {**settings.CANARY, "SHADOW_BP": 2_000}
    random.seed(7)
    client = Client()
    for _ in range(31):
        assert client.get(f"/api/v1{content.post}?secret=1").status_code == 200
    drain(reader)
    reader.tally.flush()
    told = summary(1)
    [found] = told["differences"]
    assert (found["route"], found["path"], found["kind"]) == ("GET /posts/{uuid}", "excerpt", "value")
    real = Post.objects.get(pk=content.post.rpartition("/")[2]).excerpt
    assert found["example"] == {"url": content.post, "v1": real, "v2": "planted"}
    assert 1 <= found["count"] == told["different"] == told["compared"] <= 15


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize(
    ("path", "header", "credential"), [("draft", "authorization", "token"), ("post", "x-api-key", "raw_key")]
)
def test_of_answers_to_users_no_value_is_stored(
    content: Content, reader: ShadowReader, path: str, header: str, credential: str
) -> None:
    answer = Client().get(f"/api/v1{getattr(content, path)}", headers={header: getattr(content, credential)})
    assert answer.status_code == 200
    drain(reader)
    reader.tally.flush()
    [found] = ShadowDifference.objects.all()
    assert found.path == "excerpt"
    assert found.example == {"url": "/posts/{uuid}", "v1": "(text)", "v2": "(text)"}


def test_nothing_is_left_behind_by_reads(content: Content, settings: Settings) -> None:
    """Neither rows nor a use of the key, nor anything off a limit, nor a finished body."""
    settings.RATE_LIMIT_ANONYMOUS = settings.RATE_LIMIT_CREDENTIAL = 2
    everything = [*reads(content.author, HTTP_X_API_KEY=content.raw_key), *reads()]
    before, kept = fingerprints(), BODIES.bytes
    results = Counter(read_both(read).result for read in everything)
    assert fingerprints() == before
    assert (set(results), BODIES.bytes) == ({"equal", "unmapped"}, kept)
    for _ in range(2):
        assert Client().get("/api/v1/tags", REMOTE_ADDR=META["REMOTE_ADDR"]).status_code == 200


@pytest.mark.soak
def test_a_thousand_reads_leave_every_table_as_it_was(content: Content) -> None:
    everything = [*reads(content.author, HTTP_X_API_KEY=content.raw_key), *reads()]
    before, results = fingerprints(), Counter[str]()
    for number in range(1_000):
        results[read_both(everything[number % len(everything)]).result] += 1
    after = fingerprints()
    assert [table for table in before if before[table] != after[table]] == []
    assert results.keys() <= {"equal", "unmapped", "timed_out"}  # this machine may be busy


@pytest.mark.usefixtures("planted")
def test_a_version_that_writes_is_stopped_and_one_that_breaks_differs() -> None:
    before = fingerprints()
    written, broken = read_both(read_of("/tags")), read_both(read_of("/categories"))
    assert written.result == "failed"
    assert "tried to write: UPDATE" in str(written.error)
    assert (broken.result, [each.group for each in broken.differences]) == ("different", [("", "status")])
    assert fingerprints() == before


@pytest.mark.usefixtures("planted")
def test_a_read_ends_with_its_time_and_the_connection_is_good_for_the_next(content: Content) -> None:
    began = time.monotonic()
    slow = read_both(read_of(f"{content.post}/comments"), deadline_s=0.3)
    assert (slow.result, slow.differences) == ("timed_out", ())
    assert time.monotonic() - began < 3
    assert read_both(read_of("/search/suggest", "prefix=a")).result == "equal"
    assert Tag.objects.update(usage_count=F("usage_count")) > 0


@pytest.fixture
def own_connection(tmp_path: Path) -> Iterator[BaseDatabaseWrapper]:
    """The tests' SQLite is in memory, where nobody writes while somebody reads; files are another matter."""
    original: Any = connections["default"]
    if original.vendor == "sqlite":
        name = {"NAME": str(tmp_path / "db.sqlite3")}
        connections["default"] = original.__class__({**original.settings_dict, **name}, "default")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE shadow_probe (number integer)")
        cursor.execute("INSERT INTO shadow_probe VALUES (1)")
    yield connections["default"]
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE shadow_probe")
    if original.vendor == "sqlite":
        connection.close()
        connections["default"] = original


def numbers_in(wrapper: Any) -> list[int]:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT number FROM shadow_probe")
        return [number for (number,) in cursor.fetchall()]


def test_all_that_is_read_is_of_one_moment_and_writers_do_not_wait(own_connection: Any) -> None:
    other = own_connection.copy("default")
    try:
        with read_only_snapshot(5.0):
            assert numbers_in(own_connection) == [1]
            with other.cursor() as cursor:
                cursor.execute("UPDATE shadow_probe SET number = 2")
            assert (numbers_in(own_connection), numbers_in(other)) == ([1], [2])
        assert numbers_in(own_connection) == [2]
    finally:
        other.close()


def test_nothing_can_be_written_within_a_snapshot(own_connection: Any) -> None:
    with own_connection.cursor() as cursor:
        for statement in (
            "INSERT INTO shadow_probe VALUES (7)",
            "DELETE FROM shadow_probe",
            "CREATE TABLE t (n integer)",
        ):
            with pytest.raises(DatabaseError, match=r"read-?only"), read_only_snapshot(5.0):
                cursor.execute(statement)
        cursor.execute("INSERT INTO shadow_probe VALUES (7)")
    assert numbers_in(own_connection) == [1, 7]
