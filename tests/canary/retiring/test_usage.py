"""Who still uses v1, as totals and as a spreadsheet."""

import csv
import datetime
import io
from collections.abc import Callable
from typing import Any

import pytest

from canary.models import ConsumerUsage
from canary.retiring.usage import (
    COLUMNS,
    daily_rows,
    recent_callers,
    top_consumers,
    untold,
    usage_by_consumer,
    write_csv,
)

NOW = datetime.datetime(2026, 12, 31, 12, tzinfo=datetime.UTC)


@pytest.fixture
def use_v1(db: None) -> Callable[..., None]:
    def use(consumer: str, route: str = "GET /posts", days_ago: int = 0, **fields: Any) -> None:
        kind, _, identifier = consumer.partition(":")
        at = NOW - datetime.timedelta(days=days_ago)
        values = {"agent": "curl", "last_seen_at": at, "calls": 1, **fields}
        ConsumerUsage.objects.create(day=at.date(), kind=kind, identifier=identifier, route=route, **values)

    return use


def test_totals_are_by_consumer_with_the_latest_first(use_v1: Callable[..., None]) -> None:
    use_v1("key:ab12", days_ago=3, calls=5, agent="old")
    use_v1("key:ab12", days_ago=1, calls=2, refused=1, agent="new")
    use_v1("key:ab12", "GET /tags", days_ago=2, calls=30)
    use_v1("anon", calls=7)
    use_v1("user:9", days_ago=30, calls=100)
    totals = usage_by_consumer(now=NOW, deprecated_at=None)
    assert [(one.consumer, one.calls, one.refused, one.agent) for one in totals] == [
        ("anon", 7, 0, "curl"),
        ("key:ab12", 37, 1, "new"),
    ]
    assert [(one.route, one.calls) for one in totals[1].routes] == [("GET /tags", 30), ("GET /posts", 7)]
    assert totals[1].as_json()["last_seen_at"] == "2026-12-30T12:00:00+00:00"


def test_consumers_without_a_name_are_called_by_their_kind_and_nobody_has_to_tell_them(
    use_v1: Callable[..., None],
) -> None:
    for consumer in ("anon", "client", "key", "client:mobile"):
        use_v1(consumer)
    names = {total.consumer for total in usage_by_consumer(now=NOW, deprecated_at=None)}
    assert names == {"anon", "client:mobile", "other anonymous clients", "other unknown keys"}
    assert [*untold(recent_callers(NOW), None)] == ["client:mobile"]


def test_totals_take_two_statements_however_many_there_are(
    use_v1: Callable[..., None], django_assert_num_queries: Callable[..., Any]
) -> None:
    for number in range(20):
        use_v1(f"key:{number}", f"GET /{number}")
    with django_assert_num_queries(2):
        assert len(usage_by_consumer(now=NOW, deprecated_at=0)) == 20


def test_the_busiest_are_found_without_reading_the_others(
    use_v1: Callable[..., None], django_assert_num_queries: Callable[..., Any]
) -> None:
    for number in range(30):
        use_v1(f"client:{number}", "GET /posts", calls=number, refused=1, agent="new")
        use_v1(f"client:{number}", "GET /tags", days_ago=1, calls=1, agent="old")
    with django_assert_num_queries(2):
        shown, count = top_consumers(2, now=NOW, deprecated_at=0)
    assert [(one.consumer, one.calls, one.refused, one.agent, one.last_seen_at) for one in shown] == [
        ("client:29", 30, 1, "new", NOW),
        ("client:28", 29, 1, "new", NOW),
    ]
    assert count == 30


def test_nobody_is_the_busiest_of_none(db: None) -> None:
    assert top_consumers(2, now=NOW, deprecated_at=None) == ([], 0)


def test_the_csv_has_a_row_for_each_consumer_route_and_day(use_v1: Callable[..., None]) -> None:
    use_v1("key:ab12", days_ago=1, calls=2)
    use_v1("key:ab12", calls=3, refused=1)
    written = io.StringIO()
    write_csv(written, daily_rows(now=NOW, deprecated_at=None))
    first, *rows = csv.reader(io.StringIO(written.getvalue()))
    assert tuple(first) == COLUMNS
    assert rows == [
        ["2026-12-31", "key:ab12", "GET /posts", "3", "1", "curl", "2026-12-31T12:00:00+00:00", ""],
        ["2026-12-30", "key:ab12", "GET /posts", "2", "0", "curl", "2026-12-30T12:00:00+00:00", ""],
    ]


@pytest.mark.parametrize(
    "agent", ["=1+1", "+1", "-1", "@SUM(A1)", "  =cmd|'/c calc'!A0", "\t=1", "\r=1", "\n=1", "|x", "＝1"], ids=repr
)
def test_no_cell_is_a_formula(agent: str) -> None:
    written = io.StringIO()
    write_csv(written, [["2026-12-31", "client:x", "GET /", 1, 0, agent, "", ""]])
    cell = next(row for row in list(csv.reader(io.StringIO(written.getvalue(), newline="")))[1:])[5]
    assert cell == f"'{agent}"


def test_numbers_and_plain_words_stay_as_they_are() -> None:
    written = io.StringIO()
    write_csv(written, [["2026-12-31", 'client:a,"b"', "GET /", -1, 0, "curl-8", "", "x=1"]])
    assert list(csv.reader(io.StringIO(written.getvalue())))[1] == [
        *("2026-12-31", 'client:a,"b"', "GET /", "-1", "0", "curl-8", "", "x=1")
    ]
