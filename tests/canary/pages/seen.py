"""What was seen in the worlds to look at: a day of traffic, evidence, differences, consumers."""

import datetime
import math
import random
from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from canary.core import histograms
from canary.core.wording import duration, percent
from canary.models import (
    ConsumerUsage,
    EvidencePoint,
    MetricBucket,
    Observation,
    QueryFinding,
    Rollout,
    RolloutEvent,
    SeenIdentity,
    ShadowDifference,
    ShadowTotal,
    Verdict,
)

ROUTES = ("GET /posts", "GET /posts/{}", "GET /tags", "GET /users/{}/posts", "POST /posts/{}/comments", "GET /search")
DAY = datetime.timedelta(days=1)
FEW = 0.002
WAITING = (
    "Hold at {where}: not yet safe: 0 of 146 users of v2 had an error in their first three requests of this stage (v1: 2 of"
    " 1312); that 2.0 % or more of them fail, the declared limit, is not ruled out yet, evidence 11.8 of the 20 needed."
    " Missing: 31 more without an error, if none fails; at the present traffic and share of failing users in about 6 min."
    " Time: {age} of at least 6.0 h in this stage."
)
HARMING = (
    "Harm at 10 %: of 31 users with an error, 17 were on v2, where 3.1 are expected if both versions are alike (the risk on"
    " v2: 11 times v1's, 95 % bounds 5.2 to 23); most of it on GET /search; v2's latency is 1 times v1's, 95 % bounds 0.9 to"
    " 1.1, 214 users ranked (evidence that v2 is worse, weighted, reached 24.5 of 20; evidence of errors 49.0 of 40, latency"
    " 1.2 of 80; harm where one reaches its limit, at most 5 % false alarms in a release)."
)
NOTHING = (
    "No data at 10 %: 3 users newly counted on v2 in 4 min, and of nobody is the outcome known (three requests, or an error)."
    " Missing: 149 users of v2 without an error in their first three requests; until some have come there is no estimate of"
    " when."
)
SAFE = {
    "p0": 0.02,
    "clean": 146,
    "failing": 0,
    "clean_missing": 31,
    "is_safe": False,
    "v1_clean": 1_310,
    "v1_failing": 2,
}
NUMBERS = {
    "eta_s": 360.0,
    "refusal": {"events": 31, "on_v2": 4, "expected": 3.1},
    "pairs": {
        "errors": {"votes": 4, "against": 1},
        "routes": [{"route": "GET /posts", "votes": 214, "against": 98, "log_e": -0.4}],
    },
}


def traffic(now: datetime.datetime, v2_errors: float) -> None:
    """As the recorders and the compaction leave a day: five seconds by route, then minutes, then hours."""
    row = Rollout.objects.get()
    chance = random.Random(row.version)
    states = [(event.at, event.after) for event in RolloutEvent.objects.order_by("-version")]
    rows = []
    for start_at, worker, seconds in _times(now):
        state = next((after for at, after in states if at <= start_at), states[-1][1] | {"weight_bp": 0})
        present = {name: state[name] for name in ("release", "stage", "weight_bp")}
        for version, share in ((1, 1 - state["weight_bp"] / 10_000), (2, state["weight_bp"] / 10_000)):
            if share:
                common = {"start_at": start_at, "worker": worker, "api_version": version, **present}
                is_bad = version == 2 and state["release"] == row.release
                rows += _buckets(common, seconds * share, v2_errors if is_bad else FEW, chance)
    MetricBucket.objects.bulk_create(rows, batch_size=500)
    last = next(after for _, after in states if not after["latched"])  # a rollback begins a stage of nobody
    _seen(last["release"], last["stage"], last["weight_bp"], chance)


def _times(now: datetime.datetime) -> Iterator[tuple[datetime.datetime, str, float]]:
    begin = now.replace(microsecond=0)
    for step in range(60):
        yield begin - datetime.timedelta(seconds=5 * step), f"node-a:{410 + step % 4}:17a", 5
    for minute in range(6, 120):
        yield (begin - datetime.timedelta(minutes=minute)).replace(second=0), "1m", 60
    for hour in range(2, 24):
        yield (begin - datetime.timedelta(hours=hour)).replace(minute=0, second=0), "1h", 3600


def _buckets(common: dict[str, Any], seconds: float, errors: float, chance: random.Random) -> list[MetricBucket]:
    rows, is_merged = [], common["worker"] in ("1m", "1h")
    speed = 1.0 if common["api_version"] == 1 else 0.82
    for place, route in enumerate(ROUTES):
        requests = max(1, round(seconds * 4 / (place + 1) * chance.uniform(0.7, 1.3)))
        bad = sum(chance.random() < errors * (6 if route == "GET /search" else 1) for _ in range(min(requests, 400)))
        row = MetricBucket(
            **common,
            route=route,
            judged=True,
            requests=requests,
            status_2xx=requests - bad,
            status_5xx=bad,
            sql=requests * (3 + place),
            sql_max=5 + place,
            seconds=requests * 0.02 * speed,
            histogram={} if is_merged else _histogram(requests, speed, chance),
        )
        rows.append(row)
    if is_merged:
        rows.append(MetricBucket(**common, route="", judged=True, requests=0, histogram=_histogram(600, speed, chance)))
    return rows


def _histogram(requests: int, speed: float, chance: random.Random) -> dict[str, Any]:
    found: dict[int, int] = {}
    for _ in range(min(requests, 120)):
        cell = histograms.cell_of(chance.randrange(64), speed * chance.lognormvariate(math.log(14), 0.7))
        found[cell] = found.get(cell, 0) + 1
    return histograms.dump(found)


def _seen(release: int, stage: int, weight_bp: int, chance: random.Random) -> None:
    Observation.objects.bulk_create(
        Observation(
            release=release,
            stage=stage,
            weight_bp=weight_bp,
            unit=f"{number:032x}",
            api_version=2 if chance.random() < weight_bp / 10_000 else 1,
            metric="seen",
            route="GET /posts",
            is_authenticated=True,
            network="a",
            at=timezone.now(),
        )
        for number in range(420)
    )


def evidence(now: datetime.datetime, began: datetime.datetime, *, harm: bool, safe: float = 11.8) -> None:
    row, chance = Rollout.objects.get(), random.Random(7)
    points, length, drawn = 240, now - began, []
    ends = {"error": 49.0 if harm else 0.4, "latency": 1.2 if harm else 0.9, "client_error": 0.7, "sample_ratio": 0.6}
    ends["safe"] = 0.1 if harm else safe
    for number in range(points):
        part, noise = (number + 1) / points, 0.2 * (number < points - 1)
        logs = {metric: math.log(end) * part + chance.gauss(0, noise) for metric, end in ends.items()}
        logs["overall"] = max(logs["error"] + math.log(0.5), logs["latency"] + math.log(0.25))
        drawn.append(EvidencePoint(release=row.release, at=began + length * part, log_e=logs))
    EvidencePoint.objects.bulk_create(drawn)
    routes = [
        {"route": "GET /search", "log_e": 4.1, "is_harmed": harm},
        {"route": "GET /posts", "log_e": 0.1, "is_harmed": False},
    ]
    age = duration((now - row.stage_started_at).total_seconds())
    waiting = WAITING.format(where=percent(row.weight_bp), age=age)
    kinds = [("no_data", NOTHING), ("hold", waiting)]
    if harm:
        kinds.append(("harm", HARMING))
    reasons = {"no_data": "no_outcome", "hold": "not_safe", "harm": "harm"}
    for place, (kind, sentence) in enumerate(kinds):
        at = began + (place + 0.2) * length / 3
        numbers = {**NUMBERS, "safe": SAFE, "routes": routes, "judged_at": now.isoformat(), "reason": reasons[kind]}
        Verdict.objects.create(
            release=row.release, stage=row.stage, at=at, kind=kind, sentence=sentence, numbers=numbers
        )


def compared(different: int = 0) -> None:
    """Reads that both versions answered."""
    release = Rollout.objects.get().release
    counts = {"equal": 812, "different": different, "failed": 1, "timed_out": 0, "dropped": 2}
    for route in ROUTES[:4]:
        for result, count in counts.items():
            ShadowTotal.objects.create(release=release, route=route, result=result, count=count)


def found(now: datetime.datetime) -> None:
    release = Rollout.objects.get().release
    times = {"first_seen_at": now - DAY, "last_seen_at": now}
    compared(different=9)
    for place in range(12):
        example = {
            "url": "/api/v1/posts?page=2",
            "v1": {"username": "ada"},
            "v2": {"username": "ada", "name": "Ada " * 60},
        }
        ShadowDifference.objects.create(
            release=release,
            route=ROUTES[place % 4],
            path=f"items[].author.field_{place}",
            kind="value",
            count=3,
            example=example,
            **times,
        )
    statement = 'SELECT "cms_user"."id", "cms_user"."username" FROM "cms_user" WHERE "cms_user"."id" = %s LIMIT 21'
    for version, repeats in ((1, 2), (2, 21)):
        QueryFinding.objects.create(
            release=release,
            api_version=version,
            route="GET /posts",
            fingerprint="9f86d081884c7d65",
            statement=statement,
            repeats_max=repeats,
            requests=14,
            **times,
        )


def consumers(now: datetime.datetime, count: int = 60, of: int = 25, prefix: str = "consumer-") -> None:
    agents = ("python-requests", "curl", "Mozilla")
    ConsumerUsage.objects.bulk_create(
        ConsumerUsage(
            day=now.date() - datetime.timedelta(days=number % 7),
            kind=("key", "client", "user")[number % 3],
            identifier=f"{prefix}{number % of:02}",
            route=ROUTES[number % 6],
            calls=1_000_000 // (number + 1),
            refused=number % 4,
            is_vouched=number % 3 != 1,
            agent=agents[number % 3],
            last_seen_at=now - datetime.timedelta(hours=number % 160),
        )
        for number in range(count)
    )


def identities(now: datetime.datetime) -> None:
    SeenIdentity.objects.bulk_create(
        SeenIdentity(kind="client", identifier=f"visitor-{number}", last_seen_at=now) for number in range(400)
    )
