"""Shadow reads of the real APIs: equal on real content, blind to nothing that is planted, and without any trace."""

import hashlib
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from pytest_django.fixtures import Settings

from api_v1 import kept
from api_v2 import post_queries
from api_v2.views.public_view import BODIES
from canary.models import ShadowDifference
from canary.shadow.offering import ShadowReader
from canary.shadow.reading import read_both
from canary.shadow.results import summary
from cms.db.compiled import forget
from cms.models import Post, Tag
from tests.stalls import fair_time
from tests.versions.shadow.asking import MAPPED, META, Content, drain, read_of, reads, suggested

pytestmark = pytest.mark.django_db


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
    assert (broken.result, [each.group for each in broken.differences]) == ("different", [("200 to 500", "status")])
    assert fingerprints() == before


@pytest.mark.usefixtures("planted")
def test_a_read_ends_with_its_time_and_the_connection_is_good_for_the_next(content: Content) -> None:
    began = fair_time()
    slow = read_both(read_of(f"{content.post}/comments"), deadline_s=0.3)
    assert (slow.result, slow.differences) == ("timed_out", ())
    assert fair_time() - began < 3
    assert read_both(read_of("/search/suggest", "prefix=a")).result == "equal"
    assert Tag.objects.update(usage_count=F("usage_count")) > 0


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


@pytest.mark.usefixtures("planted")
def test_a_view_that_spins_is_ended_at_the_deadline_and_the_next_read_is_taken(
    content: Content, reader: ShadowReader
) -> None:
    """As a client sends it: v2 hangs in the repeat alone."""
    for planted in ("spin", ""):
        headers = {"x-planted": planted} if planted else {}
        assert Client().get("/api/v1/search/suggest?prefix=a", headers=headers).status_code == 200
    began = fair_time()
    drain(reader)
    assert fair_time() - began < 10
    reader.tally.flush()
    told = summary(1)
    assert (told["timed_out"] + told["abandoned"], told["equal"], reader.watchdog.lost) == (1, 1, 0)


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


@pytest.fixture
def few_bytes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A few texts fill an answer."""
    for module in (post_queries, kept):
        monkeypatch.setattr(module, "PAGE_BYTES_MAX", 1_000)
    forget()
    yield
    forget()


def test_pages_that_long_texts_cut_are_not_held_against_v2(content: Content, few_bytes: None) -> None:
    """v1 sends nothing long to a repetition, and what follows a page of v2 that ended early begins elsewhere than v1's."""
    outcomes = [
        read_both(read_of("/posts", query)) for query in ("limit=7", "limit=1", "limit=1&page=2", "limit=3&page=2")
    ]
    assert [outcome.result for outcome in outcomes] == ["failed", "equal", "equal", "failed"]
    assert not any(outcome.votes or outcome.differences for outcome in (outcomes[0], outcomes[3]))


def test_a_page_of_v2_that_ends_early_is_not_compared_with_the_next_of_v1(
    content: Content, monkeypatch: pytest.MonkeyPatch, few_bytes: None
) -> None:
    monkeypatch.setattr(kept, "PAGE_BYTES_MAX", 10**9)  # as if the first page alone were long
    forget()
    outcome = read_both(read_of("/posts", "limit=7&page=2"))
    assert (outcome.result, outcome.votes) == ("unmapped", ())
