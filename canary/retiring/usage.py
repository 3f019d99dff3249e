"""The usage of v1: its calls by consumer, route and day, as rows for people, mails and spreadsheets."""

import csv
import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TextIO

from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery, Sum, Window

from canary.core.consumers import PROVEN
from canary.core.lifecycle import QUIET_DAYS
from canary.models import ConsumerUsage, Rollout, RolloutEvent

USAGE_DAYS: Final = 30
NOTIFY: Final = "lifecycle notify"
ANONYMOUS: Final = "anon"
OTHERS: Final = {"client": "other anonymous clients", "key": "other unknown keys"}
"""Those beyond `CANARY["ANONYMOUS_CONSUMERS"]`, by kind: counted together, without their names."""
NAMELESS: Final = frozenset({ANONYMOUS, *OTHERS.values()})
COLUMNS: Final = ("day", "consumer", "route", "calls", "refused", "agent", "last_seen_at", "notified")
VOUCHED: Final = Count("pk", filter=Q(is_vouched=True))
# Spreadsheets take a cell that begins so for a formula (OWASP, CSV injection).
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class RouteUsage:
    route: str
    calls: int
    refused: int
    last_seen_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class ConsumerTotal:
    """One consumer over some days: who, with what, which calls."""

    consumer: str
    """`user:…`, `key:…`, `client:…`; `anon` for all anonymous readers together, and those of OTHERS."""
    calls: int
    refused: int
    agent: str
    """The agent of the last call."""
    last_seen_at: datetime.datetime
    notified: str
    """The result of the last notification since v1's deprecation: `mailed`, `no_address`; empty without one."""
    routes: tuple[RouteUsage, ...]
    """The most called first."""
    is_proven: bool = False
    """Whether a view has let in a credential of this name."""

    def as_json(self) -> dict[str, Any]:
        routes = [
            {
                "route": one.route,
                "calls": one.calls,
                "refused": one.refused,
                "last_seen_at": one.last_seen_at.isoformat(),
            }
            for one in self.routes
        ]
        return {
            "consumer": self.consumer,
            "calls": self.calls,
            "refused": self.refused,
            "agent": self.agent,
            "last_seen_at": self.last_seen_at.isoformat(),
            "notified": self.notified,
            "is_proven": self.is_proven,
            "routes": routes,
        }


class Notice(NamedTuple):
    at: datetime.datetime
    how: str
    """Its result: `mailed`, `no_address`."""


def consumer_name(kind: str, identifier: str) -> str:
    return f"{kind}:{identifier}" if identifier else OTHERS.get(kind, kind)


def usage_by_consumer(
    *, now: datetime.datetime, days: int = USAGE_DAYS, deprecated_at: int | None
) -> list[ConsumerTotal]:
    """Return the usage of the last `days` days, the latest caller first. Sends two statements in any case."""
    rows: Iterable[Any] = (
        of_days(now, days)
        .values("kind", "identifier", "route", "agent", "is_vouched")
        .annotate(calls=Sum("calls"), refused=Sum("refused"), last=Max("last_seen_at"))
        .order_by()
    )
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(consumer_name(row["kind"], row["identifier"]), []).append(row)
    told = notified_since(deprecated_at)
    totals = [_total(consumer, rows_of, told.get(consumer, "")) for consumer, rows_of in found.items()]
    return sorted(totals, key=lambda total: (total.last_seen_at, total.consumer), reverse=True)


def top_consumers(
    most: int, *, skip: int = 0, now: datetime.datetime, days: int = USAGE_DAYS, deprecated_at: int | None
) -> tuple[list[ConsumerTotal], int]:
    """Return those with the most calls, the busiest first and without routes, and how many there are in all.

    Strangers may have made up very many, so the database alone looks at all of them: in two statements.
    """
    rows = of_days(now, days)
    own = rows.filter(kind=OuterRef("kind"), identifier=OuterRef("identifier")).order_by("-last_seen_at")
    busiest: Iterable[Any] = (
        rows.values("kind", "identifier")
        .annotate(sum=Sum("calls"), sum_refused=Sum("refused"), last=Max("last_seen_at"), vouched=VOUCHED)
        .annotate(latest_agent=Subquery(own.values("agent")[:1]), consumers=Window(Count("*")))
        .order_by("-sum", "kind", "identifier")[skip : skip + most]
    )
    told, shown, count = notified_since(deprecated_at), [], 0
    for row in busiest:
        consumer, count = consumer_name(row["kind"], row["identifier"]), row["consumers"]
        shown.append(
            ConsumerTotal(
                consumer,
                row["sum"],
                row["sum_refused"],
                row["latest_agent"],
                row["last"],
                told.get(consumer, ""),
                routes=(),
                is_proven=_is_proven(row),
            )
        )
    return shown, count


def of_days(now: datetime.datetime, days: int) -> QuerySet[ConsumerUsage]:
    return of_journey().filter(day__gt=now.date() - datetime.timedelta(days=days))


def of_journey() -> QuerySet[ConsumerUsage]:
    """Return the usage of the version that this journey is about to end: none of what an earlier one has ended."""
    return ConsumerUsage.objects.filter(last_seen_at__gte=Rollout.began_at())


def _total(consumer: str, rows: list[dict[str, Any]], notified: str) -> ConsumerTotal:
    by_route: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_route.setdefault(row["route"], []).append(row)
    routes = [
        RouteUsage(route, _sum(some, "calls"), _sum(some, "refused"), max(row["last"] for row in some))
        for route, some in by_route.items()
    ]
    latest = max(rows, key=lambda row: row["last"])
    return ConsumerTotal(
        consumer=consumer,
        calls=_sum(rows, "calls"),
        refused=_sum(rows, "refused"),
        agent=latest["agent"],
        last_seen_at=latest["last"],
        notified=notified,
        routes=tuple(sorted(routes, key=lambda one: (-one.calls, one.route))),
        is_proven=rows[0]["kind"] in PROVEN and any(row["is_vouched"] for row in rows),
    )


def _sum(rows: Iterable[dict[str, Any]], name: str) -> int:
    return sum(row[name] for row in rows)


def notified_since(deprecated_at: int | None) -> dict[str, str]:
    """Return the result of the latest notification by consumer; only those since v1's deprecation count."""
    return {consumer: notice.how for consumer, notice in notices_since(deprecated_at).items()}


def notices_since(deprecated_at: int | None) -> dict[str, Notice]:
    """Return the latest notification by consumer."""
    events = RolloutEvent.objects.filter(verb=NOTIFY, at__gte=Rollout.began_at())
    if deprecated_at is not None:
        events = events.filter(at__gte=datetime.datetime.fromtimestamp(deprecated_at, datetime.UTC))
    told: dict[str, Notice] = {}
    for at, evidence in events.order_by("version").values_list("at", "evidence"):
        told.update({name: Notice(at, how) for name, how in (evidence or {}).get("consumers", {}).items()})
    return told


def last_call_at() -> datetime.datetime | None:
    """Return the last call of v1, answered or refused, by anybody; None when no kept usage has one."""
    last: datetime.datetime | None = of_journey().aggregate(last=Max("last_seen_at"))["last"]
    return last


class Caller(NamedTuple):
    last_at: datetime.datetime
    is_proven: bool
    """Whether a view has let in a credential of this name; anybody can make up others."""


class Calls(NamedTuple):
    """Calls of v1 in the last QUIET_DAYS days."""

    recent: int
    unproven: int
    """Those that no user and no key has made that a view has let in."""


def recent_callers(now: datetime.datetime) -> dict[str, Caller]:
    """Return each consumer with a name that used v1 in the last USAGE_DAYS days."""
    rows: Iterable[Any] = _by_name(now).exclude(identifier="").annotate(last=Max("last_seen_at"), vouched=VOUCHED)
    return {consumer_name(row["kind"], row["identifier"]): Caller(row["last"], _is_proven(row)) for row in rows}


def recent_calls(now: datetime.datetime) -> Calls:
    """Count in the database alone: strangers may have made up very many names."""
    lately = Q(last_seen_at__gt=now - datetime.timedelta(days=QUIET_DAYS))
    by_name = _by_name(now).annotate(vouched=VOUCHED, lately=Sum("calls", filter=lately, default=0))
    proven = Q(kind__in=PROVEN, vouched__gt=0)
    return Calls(
        **by_name.aggregate(recent=Sum("lately", default=0), unproven=Sum("lately", filter=~proven, default=0))
    )


def _by_name(now: datetime.datetime) -> QuerySet[ConsumerUsage, Any]:
    recent = of_journey().filter(last_seen_at__gt=now - datetime.timedelta(days=USAGE_DAYS))
    return recent.order_by().values("kind", "identifier")


def untold(callers: Mapping[str, Caller], deprecated_at: int | None) -> dict[str, Caller]:
    """Return those of them that no notification tried to reach."""
    told = notified_since(deprecated_at)
    return {name: callers[name] for name in sorted(callers) if name not in told}


def _is_proven(row: Mapping[str, Any]) -> bool:
    """Return whether a credential proves the name of a row with VOUCHED."""
    return row["kind"] in PROVEN and row["vouched"] > 0


def quiet_left_out(callers: Mapping[str, Caller], now: datetime.datetime) -> list[str]:
    """Return those of them that used v1 in the last QUIET_DAYS days."""
    return [name for name, caller in callers.items() if caller.last_at > now - datetime.timedelta(days=QUIET_DAYS)]


def daily_rows(
    *, now: datetime.datetime, days: int = USAGE_DAYS, deprecated_at: int | None
) -> Iterator[tuple[Any, ...]]:
    """Yield rows in the order of COLUMNS, the latest day first, read from the database a day at a time."""
    told = notified_since(deprecated_at)
    rows = of_days(now, days)
    for day in rows.order_by("-day").values_list("day", flat=True).distinct():
        for row in rows.filter(day=day).order_by("kind", "identifier", "route").iterator(chunk_size=2_000):
            yield _daily_row(row, told)


def _daily_row(row: ConsumerUsage, told: Mapping[str, str]) -> tuple[Any, ...]:
    consumer = consumer_name(row.kind, row.identifier)
    last = row.last_seen_at.astimezone(datetime.UTC).isoformat(timespec="seconds")
    counts = (row.calls, row.refused)
    return (row.day.isoformat(), consumer, row.route, *counts, row.agent, last, told.get(consumer, ""))


def write_csv(target: TextIO, rows: Iterable[Iterable[Any]]) -> None:
    target.writelines(csv_lines(rows))


def csv_lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield a line of COLUMNS, then the rows (RFC 4180). No caller's chosen name is a formula in any spreadsheet."""
    writer: Any = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])


class _Echo:
    """A file that returns what is written to it."""

    def write(self, text: str) -> str:
        return text


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA_STARTS) else value
