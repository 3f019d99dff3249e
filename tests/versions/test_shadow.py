"""Shadow reads of the real APIs: equal on real content, blind to nothing that is planted, and without any trace."""

import hashlib
import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import DatabaseError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from api_v2.views.public_view import BODIES
from canary.judging.evidence import peek
from canary.models import Observation, Rollout, RolloutEvent, ShadowDifference, ShadowTotal
from canary.recording import flushing
from canary.shadow.asking import Read
from canary.shadow.offering import READER, ShadowReader
from canary.shadow.reading import Outcome, Pair, Vote, prepare, read_both
from canary.shadow.refusals import prepare_refusal
from canary.shadow.results import summary
from canary.shadow.snapshots import read_only_snapshot
from canary.shadow.watchdog import OverdueError, Watchdog
from canary.state import store
from cms.models import Comment, Post, Tag, User
from cms.policy import SYSTEM
from cms.seeding.demo import seed_demo
from cms.services.api_keys import create_api_key
from cms.services.sessions import open_session
from cms.services.users import create_user
from tests.api_v1.translating import ROUTES, requests_of
from tests.canary.seeing import fresh_recorder, weight
from tests.versions.planted_v2 import ASKED

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
    author_token: str
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
        tokens = [f"Bearer {open_session(user=user, now=now).access_token}" for user in (admin, author)]
        yield Content(admin, tokens[0], author, tokens[1], key.raw_key, f"/posts/{post}", f"/posts/{draft}")
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
    reader.watchdog.rest()


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
            outcome = read_both(read, deadline_s=60.0)  # this machine may be busy
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
    results = Counter(read_both(read, deadline_s=60.0).result for read in everything)
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
    [tried] = written.differences
    assert (written.result, tried.kind) == ("different", "side_effect")
    assert "writes to the database: UPDATE" in tried.v2
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


def suggested(what: str = "", *, of_v1: str = "", is_v2_first: bool = False, **changes: Any) -> Outcome:
    """What a pair comes to of which v2, and v1, have this planted."""
    headers = {"HTTP_X_PLANTED": what, "HTTP_X_PLANTED_V1": of_v1}
    return read_both(read_of("/search/suggest", "prefix=a", **headers), is_v2_first=is_v2_first, **changes)


@pytest.fixture
def both_planted(settings: Settings) -> None:
    settings.CANARY = {**settings.CANARY, "ARMS": {1: "tests.versions.planted_v1", 2: "tests.versions.planted_v2"}}


BOTH_ORDERS = pytest.mark.parametrize("is_v2_first", [False, True], ids=["v1-first", "v2-first"])


@BOTH_ORDERS
@pytest.mark.usefixtures("both_planted")
@pytest.mark.parametrize("what", ["mail", "cache", "connect"])
def test_a_version_that_does_more_than_read_is_stopped_and_named_in_either_order(
    what: str, is_v2_first: bool, mailoutbox: list[Any]
) -> None:
    found = suggested(what, is_v2_first=is_v2_first)
    assert (found.result, [each.group for each in found.differences]) == ("different", [("", "side_effect")])
    assert suggested(is_v2_first=is_v2_first).result == "equal"
    of_v1 = suggested(of_v1=what, is_v2_first=is_v2_first)
    assert (of_v1.result, of_v1.differences) == ("failed", ())
    assert "v1 was asked to read" in str(of_v1.error)
    assert (mailoutbox, cache.get("planted")) == ([], None)


@BOTH_ORDERS
@pytest.mark.usefixtures("both_planted")
def test_the_version_that_fails_alone_has_a_vote_against_it_in_either_order(is_v2_first: bool) -> None:
    def errors(found: Outcome) -> list[tuple[int, float]]:
        return [(vote.api_version, vote.value) for vote in found.votes if vote.metric == "pair_error"]

    places = {1: 2.0 if is_v2_first else 1.0, 2: 1.0 if is_v2_first else 2.0}
    assert errors(suggested("fail", is_v2_first=is_v2_first)) == [(2, places[2])]
    assert errors(suggested(of_v1="fail", is_v2_first=is_v2_first)) == [(1, places[1])]
    assert errors(suggested("fail", of_v1="fail", is_v2_first=is_v2_first)) == []
    assert errors(suggested(is_v2_first=is_v2_first)) == []


@pytest.mark.usefixtures("both_planted", "stored")
def test_an_outage_that_begins_between_the_reads_of_a_pair_is_a_vote_against_either_version(
    content: Content, reader: ShadowReader
) -> None:
    """Whichever the coin has asked second. In 12 pairs a fair coin is one-sided once in 2,000 times."""
    client = Client(headers={"authorization": content.author_token})
    for _ in range(12):
        ASKED.clear()
        client.get("/api/v1/search/suggest?prefix=a", headers={"x-planted": "outage", "x-planted-v1": "outage"})
        ASKED.clear()
        drain(reader)
    ASKED.clear()
    flushing.flush(is_last=True)
    votes = Observation.objects.filter(metric="pair_error").values_list("api_version", "value")
    assert (len(votes), {*votes}) == (12, {(1, 2.0), (2, 2.0)})


@BOTH_ORDERS
@pytest.mark.usefixtures("both_planted")
def test_a_version_that_takes_longer_than_is_tolerated_has_a_vote_against_it_in_either_order(is_v2_first: bool) -> None:
    for what, of_v1, version in (("dawdle", "", 2), ("", "dawdle", 1)):
        tries = (suggested(what, of_v1=of_v1, is_v2_first=is_v2_first) for _ in range(50))  # this machine may be busy
        found = next(found for found in tries if slower_of(found) == version)
        [vote] = [vote for vote in found.votes if vote.metric == "pair_time"]
        assert (vote.api_version, vote.value > 0) == (version, version == 2)
        assert (found.result, found.shared) == ("equal", "GET /search/suggest")


def slower_of(found: Outcome) -> int:
    assert found.seconds is not None
    assert max(found.seconds) >= 0.05
    return 1 if found.seconds[0] > found.seconds[1] else 2


def test_time_and_statements_are_of_the_request_that_clients_of_v2_send(content: Content) -> None:
    """As the mapping tells it, v2 is asked for names of tags and a count too."""
    for read in (read_of("/posts"), replace(read_of("/posts"), path="/api/v2/posts", api_version=2)):
        found = read_both(read, deadline_s=60.0)
        assert (found.result, found.statements) == ("equal", (3, 1))


def test_a_ratio_that_nobody_notices_is_no_vote_against_v2(content: Content) -> None:
    """v2 makes its document in four times the time of v1's file, which is a millisecond more."""
    found = (read_both(read_of("/openapi.json"), deadline_s=60.0) for _ in range(10))  # this machine may be busy
    assert any(vote.api_version == 1 and vote.value > math.log(2) for one in found for vote in one.votes)


@pytest.mark.usefixtures("planted")
def test_forty_different_statements_are_found_and_a_few_within_the_budget_are_not(settings: Settings) -> None:
    found = suggested("forty")
    [more] = found.differences
    assert (found.result, more.kind, more.v2 - more.v1) == (
        "different",
        "sql",
        found.statements[1] - found.statements[0],
    )
    assert more.v2 >= 40
    settings.CANARY = {**settings.CANARY, "SQL_BUDGET": 60}
    assert suggested("forty").result == "equal"


@pytest.fixture
def stored(settings: Settings) -> Iterator[None]:
    """A rollout at 0 % without a warm-up, and its recorder."""
    settings.CANARY = {**settings.CANARY, "WARM_UP_S": 0}
    with fresh_recorder():
        weight(0)
        yield
    Observation.objects.all().delete()
    RolloutEvent.objects.all().delete()
    Rollout.objects.all().delete()
    store.forget()


@pytest.mark.usefixtures("both_planted", "stored")
def test_pairs_are_observations_before_anybody_is_on_v2(content: Content, reader: ShadowReader) -> None:
    client = Client(headers={"authorization": content.author_token})
    for planted in ("fail", ""):
        asked = client.get("/api/v1/search/suggest?prefix=a", headers={"x-planted": planted})
        assert asked.status_code == 200
        drain(reader)
    flushing.flush(is_last=True)
    rows = Observation.objects.filter(metric__startswith="pair_").order_by("pk")
    failed, timed = rows
    assert (failed.metric, failed.api_version, timed.metric) == ("pair_error", 2, "pair_time")
    assert {(row.route, row.weight_bp, row.is_authenticated) for row in rows} == {("GET /search/suggest", 0, True)}
    assert failed.unit == timed.unit
    evidence = peek(failed.release)
    assert (evidence.pairs.errors.against, len(evidence.pairs.routes)) == (1, 1)


@pytest.mark.usefixtures("planted")
def test_a_view_that_spins_is_ended_at_the_deadline_and_the_next_read_is_taken(
    content: Content, reader: ShadowReader
) -> None:
    """As a client sends it: v2 hangs in the repeat alone."""
    for planted in ("spin", ""):
        headers = {"x-planted": planted} if planted else {}
        assert Client().get("/api/v1/search/suggest?prefix=a", headers=headers).status_code == 200
    began = time.monotonic()
    drain(reader)
    assert time.monotonic() - began < 10
    reader.tally.flush()
    told = summary(1)
    assert (told["timed_out"] + told["abandoned"], told["equal"], reader.watchdog.lost) == (1, 1, 0)


@pytest.mark.usefixtures("both_planted")
def test_that_only_the_second_version_was_late_is_a_vote_and_nothing_when_the_first_was() -> None:
    def late(what: str, of_v1: str, *, is_v2_first: bool) -> list[int]:
        read = read_of("/search/suggest", "prefix=a", HTTP_X_PLANTED=what, HTTP_X_PLANTED_V1=of_v1)
        pair = prepare(read, is_v2_first=is_v2_first)
        assert isinstance(pair, Pair)
        watchdog = Watchdog("a-test")
        with pytest.raises(OverdueError):
            watchdog.run(lambda: pair.run(60.0), 1.0)
        return [vote.api_version for vote in pair.late().votes]

    assert late("spin", "", is_v2_first=False) == [2]
    assert late("", "spin", is_v2_first=True) == [1]
    assert late("spin", "", is_v2_first=True) == late("", "spin", is_v2_first=False) == []


@pytest.mark.parametrize(
    ("path", "query", "result"),
    [
        ("/posts", "limit=7", "equal"),
        ("/posts", "sort=-title&limit=3&include=tags,categories", "equal"),
        ("/search", "q=the&limit=3&sort=-title", "equal"),
        ("/tags", "count=exact", "equal"),
        ("", "", "equal"),
        ("/me", "", "unmapped"),  # of nobody
        ("/posts", "cursor=x", "unmapped"),
        ("/posts", "fields=id", "unmapped"),
        ("/posts", "include=tags", "unmapped"),
        ("/media", "", "unmapped"),
    ],
)
def test_reads_of_v2_are_compared_where_the_declared_mapping_leads_back(
    content: Content, path: str, query: str, result: str
) -> None:
    read = replace(read_of(path, query), path=f"/api/v2{path}", api_version=2)
    assert read_both(read).result == result


def refused(path: str, query: str = "", status: int = 404, template: str = "", **headers: str) -> Outcome:
    read = replace(
        read_of(path, query, **headers),
        path=f"/api{path}",
        api_version=2,
        refusal=status,
        template=f"api{template or path}",
    )
    prepared = prepare_refusal(read)
    return prepared if isinstance(prepared, Outcome) else prepared.run(5.0)


def test_what_v2_refuses_and_v1_answers_is_a_wrong_refusal(content: Content) -> None:
    wrong = refused(content.post, template="/posts/<str:post>")
    assert (wrong.result, wrong.votes) == ("refused_v2", (Vote("pair_refusal", 2, 404.0),))
    assert [each.group for each in wrong.differences] == [("", "refusal")]
    right = refused("/posts/00000000-0000-7000-8000-000000000000", template="/posts/<str:post>")
    assert (right.result, right.votes) == ("refused_both", (Vote("pair_refusal", 1, 404.0),))
    assert refused("/tags", status=401, HTTP_AUTHORIZATION="Bearer x").result == "refused_both"


def test_the_same_address_is_asked_for_first_and_else_what_it_is_in_v1(content: Content) -> None:
    assert refused("/posts", "page=2", 400).result == "refused_v2"
    assert refused("/me", status=401).result == "refused_both"
    assert refused("/me", status=403, HTTP_AUTHORIZATION=content.token).result == "refused_v2"


def test_what_one_version_alone_declares_is_no_wrong_refusal() -> None:
    assert refused("/admin/posts", template="/(?s:.*)").result == "unmapped"
    assert refused("/media", status=401).result == "unmapped"


@pytest.mark.usefixtures("planted")
def test_one_request_too_many_is_rightly_refused_unless_v2_refuses_the_repeat_too() -> None:
    for planted, result in (("count", "refused_both"), ("limit", "refused_v2")):
        found = refused("/search/suggest", "prefix=a", 429, HTTP_X_PLANTED=planted)
        assert found.result == result


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
