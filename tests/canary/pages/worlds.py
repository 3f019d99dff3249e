"""Rollouts to look at, with a day of what was seen: at zero, in the middle of a plan, rolled back, in a brownout."""

import datetime
import math
import random
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.utils import timezone

from canary import services
from canary.core import histograms
from canary.core.findings import new_repeats, sentence_of_gaps
from canary.core.values import Identity
from canary.core.wording import duration, percent
from canary.judging.breaking import breakers_of
from canary.judging.judging import gaps_of, repeats_of, stage_of
from canary.models import (
    AcceptedDifference,
    ConsumerUsage,
    Crash,
    EvidencePoint,
    Lease,
    MetricBucket,
    Observation,
    QueryFinding,
    Rollout,
    RolloutEvent,
    SeenIdentity,
    ShadowDifference,
    ShadowTotal,
    UnitMinute,
    Verdict,
    Worker,
)
from canary.models.lists import ListEntry
from canary.services import life
from canary.state import store

CHIEF = "user:1 chief"
ROUTES = ("GET /posts", "GET /posts/{}", "GET /tags", "GET /users/{}/posts", "POST /posts/{}/comments", "GET /search")
TABLES = (
    *(ConsumerUsage, EvidencePoint, Lease, ListEntry, MetricBucket, Observation, QueryFinding, Rollout, RolloutEvent),
    *(AcceptedDifference, Crash, SeenIdentity, ShadowDifference, ShadowTotal, UnitMinute, Verdict, Worker),
)
DAY = datetime.timedelta(days=1)
LONG_ID = "com.example.an-application-with-a-name-that-goes-on-and-on.production.eu-central-1"
LONG = (
    "Asked for by the people who look after the archive, because of what they found in their own logs last Thursday. "
    * 3
)
WAITING = (
    "Hold at {where}: not yet safe: 0 of 146 users of v2 had an error in their first three requests of this stage (v1: 2 of"
    " 1312); that 2.0 % or more of them fail, the declared limit, is not ruled out yet, evidence 11.8 of the 20 needed."
    " Missing: 31 more without an error, if none fails; at the present traffic and share of failing users in about 6 min."
    " Time: {age} of at least 6.0 h in this stage."
)
PASSING = WAITING.format(where="50 %", age="5.9 h")
HARMING = (
    "Harm at 10 %: of 31 users with an error 17 were on v2, where 3.1 are expected if both versions are alike (the risk on"
    " v2: 11 times v1's, 95 % bounds 5.2 to 23); most of it on GET /search; v2's latency is 1 times v1's, 95 % bounds 0.9 to"
    " 1.1, 214 users ranked (evidence that v2 is worse, weighted, reached 24.5 of 20; evidence of errors 49.0 of 40, latency"
    " 1.2 of 80; harm where one reaches its limit, at most 5 % false alarms in a release)."
)


PASSED = (
    "Pass at 10 %: no harm (evidence of errors 0.4 of 40, latency 0.9 of 80; harm where one reaches its limit, at most 5 %"
    " false alarms in a release); safe: 0 of 231 users of v2 had an error in their first three requests of this stage (v1: 3 of"
    " 2104); that 2.0 % or more of them fail, the declared limit, is ruled out, evidence 27.1 of the 20 needed; no statement is"
    " repeated more often than on v1, no shadow read differs; 7.0 h of at least 6.0 h in this stage. Next step: 50 %."
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
FEW = 0.002
NUMBERS = {
    "eta_s": 360.0,
    "refusal": {"events": 31, "on_v2": 4, "expected": 3.1},
    "pairs": {
        "errors": {"votes": 4, "against": 1},
        "routes": [{"route": "GET /posts", "votes": 214, "against": 98, "log_e": -0.4}],
    },
}


def show(name: str, now: datetime.datetime | None = None, *, has_traffic: bool = True) -> None:
    """Throws everything away and makes the world of this name, of "empty" none; its traffic takes the most of the time."""
    now = now or timezone.now()
    for model in TABLES:
        model.objects.all().delete()
    store.forget()
    if name == "empty":
        return
    WORLDS[name](now)
    if has_traffic:
        _traffic(now, V2_ERRORS.get(name, FEW))


def at_zero(now: datetime.datetime) -> None:
    _set(0, "the first day", now - DAY)
    _workers(now, version=_version())


def in_the_middle(now: datetime.datetime) -> None:
    began = now - datetime.timedelta(hours=8)
    for share in (1, 2, 3, 2, 1, 0):
        _set(share * 100, f"trying {share} %", began - datetime.timedelta(hours=1))
    for number in range(14):
        change = {"actor": CHIEF, "reason": "asked for it", "expected_version": _version(), "now": began}
        identity = Identity("client", f"tester-{number:02}")
        services.add_to_list(list="allow" if number % 5 else "exclude", identity=identity, **change)
    services.start_plan(
        steps_bp=[1_000, 5_000, 9_000, 10_000],
        min_s=6 * 3600,
        is_fresh_cohort=False,
        **_change("the release of May", began),
    )
    services.promote_plan(**_change("10 % were fine", now - datetime.timedelta(hours=5, minutes=54)))
    _workers(now, version=_version(), late=1)
    _evidence(now, began, harm=False)
    _compared()
    _consumers(now)
    _identities(now)
    Lease.objects.create(name="controller", holder="node-a:412:9f3e", expires_at=now + DAY, done_at=now)


def rolled_back(now: datetime.datetime) -> None:
    began = now - datetime.timedelta(hours=3)
    _set(100, "a first look", began - DAY)
    services.start_plan(
        steps_bp=[1_000, 5_000, 9_000, 10_000],
        min_s=6 * 3600,
        is_fresh_cohort=True,
        **_change("the release of May", began),
    )
    _evidence(now, began, harm=True)
    services.roll_back(
        actor="controller", reason=HARMING, now=now - datetime.timedelta(minutes=4), evidence={"kind": "harm"}
    )
    _workers(now, version=_version())
    _found(now)
    _identities(now)


def passing(now: datetime.datetime) -> None:
    """Everything is proved at 10 %, and the next step is due."""
    began = _started(now, datetime.timedelta(hours=7))
    _guarded(now)
    _evidence(now, began, harm=False, safe=27.1)
    _compared()
    _verdict(now, "pass", "safe", PASSED, safe={**SAFE, "clean": 231, "failing": 0, "clean_missing": 0})


def held(now: datetime.datetime) -> None:
    """By differences between the versions' responses, and by a statement that v2 repeats."""
    began = _started(now, datetime.timedelta(hours=2))
    _guarded(now)
    _evidence(now, began, harm=False)
    _found(now)
    row = Rollout.objects.get()
    gaps, [worst] = gaps_of(row.release), new_repeats(repeats_of(row.release))
    repeats = [{"route": worst.repeat.route, "fingerprint": worst.repeat.fingerprint, "more": worst.more}]
    sentence = f"Hold at 10 %: {sentence_of_gaps(gaps)}."
    _verdict(now, "hold", "finding", sentence, safe=SAFE, shadow_differences=len(gaps), repeats=repeats)
    services.hold_plan(actor="controller", reason=sentence, expected_version=_version(), now=now)
    _workers(now, version=_version())


def tripped(now: datetime.datetime) -> None:
    """Rolled back by a breaker a minute after the start: v2 fails all that its users ask for."""
    _started(now, datetime.timedelta(minutes=5))
    at = now - datetime.timedelta(minutes=4)
    row = Rollout.objects.get()
    for number in range(24):
        is_on_v2 = number < 12
        UnitMinute.objects.create(
            start_at=(at - datetime.timedelta(seconds=30)).replace(second=0, microsecond=0),
            release=row.release,
            stage=row.stage,
            api_version=2 if is_on_v2 else 1,
            unit=f"{number:032x}",
            answers=3,
            failures=3 * is_on_v2,
            reads=2,
            refused_reads=0,
            failed_over=2 * is_on_v2,
            failed_twice=0,
            halvings=0,
        )
    _trip(at)


def crashed(now: datetime.datetime) -> None:
    """Rolled back by a breaker: three workers died while they answered requests of v2."""
    _started(now, datetime.timedelta(minutes=9))
    at, row = now - datetime.timedelta(minutes=4), Rollout.objects.get()
    for number in range(3):
        name = f"node-a:{510 + number}:17a"
        crash = Crash(worker=name, death=name, release=row.release, stage=row.stage, api_version=2, requests=2)
        crash.at = at - datetime.timedelta(minutes=number)
        crash.save()
    _trip(at)


def _trip(at: datetime.datetime) -> None:
    """What the controller does about the breakers that trip."""
    _guarded(timezone.now())
    row = Rollout.objects.get()
    trips = breakers_of(row, stage_of(row), at)
    told = [asdict(trip) for trip in trips]
    sentence = f"Harm at 10 %: {'; '.join(trip.sentence for trip in trips)}."
    _verdict(at, "harm", "breaker", sentence, trips=told, pairs={})
    evidence = {"kind": "harm", "reason": "breaker", "trips": told}
    services.roll_back(actor="controller", reason=sentence, now=at, evidence=evidence)
    _workers(timezone.now(), version=_version())


def unguarded(now: datetime.datetime) -> None:
    """A plan runs, and the controller has been silent for twenty minutes."""
    began = _started(now, datetime.timedelta(hours=1))
    _guarded(now, silent=datetime.timedelta(minutes=20))
    _evidence(now, began, harm=False)


def in_brownout(now: datetime.datetime) -> None:
    _set(10_000, "everybody", now - 60 * DAY)
    sunset_at = int((now + 40 * DAY).timestamp())
    life.deprecate(sunset_at=sunset_at, is_override=True, **_change("v2 is out", now - 50 * DAY))
    for start, end in ((-9 * 24, -9 * 24 + 1), (-0.5, 4), (200, 212)):
        window = tuple(int((now + datetime.timedelta(hours=hours)).timestamp()) for hours in (start, end))
        life.add_brownout(
            window=window,
            is_override=True,
            **_change("as announced", min(now, now + datetime.timedelta(hours=start)) - DAY),
        )
    _workers(now, version=_version())
    _consumers(now)


def crowded(now: datetime.datetime) -> None:
    """Running at 10 % with v1 deprecated, and of everything more, or longer, than there is room for."""
    began = now - datetime.timedelta(hours=2)
    _set(10_000, "everybody", now - 60 * DAY)
    sunset_at = int((now + 200 * DAY).timestamp())
    life.deprecate(sunset_at=sunset_at, is_override=True, **_change(LONG, now - 30 * DAY))
    services.start_plan(steps_bp=[1_000, 5_000], min_s=3600, is_fresh_cohort=True, **_change(LONG, began))
    ListEntry.objects.bulk_create(
        ListEntry(
            list="allow" if number % 3 else "exclude",
            kind="client",
            identifier=f"{LONG_ID}-{number}",
            actor=CHIEF,
            reason=LONG,
            added_at=now - datetime.timedelta(minutes=number),
        )
        for number in range(130)
    )
    _workers(now, version=_version())
    _evidence(now, began, harm=False)
    _found(now)
    _consumers(now, count=2_000, of=500, prefix=f"{LONG_ID}-")


WORLDS = {
    "passing": passing,
    "held": held,
    "tripped": tripped,
    "crashed": crashed,
    "unguarded": unguarded,
    "zero": at_zero,
    "middle": in_the_middle,
    "latched": rolled_back,
    "brownout": in_brownout,
    "crowded": crowded,
}
V2_ERRORS = {"tripped": 0.96, "latched": 0.07}
"""The share of v2's answers that fail in the release in force; elsewhere few do."""


def pause_by_hand(now: datetime.datetime) -> None:
    """As a second person would, elsewhere."""
    services.pause_plan(actor="user:2 second", reason="wait", expected_version=_version(), now=now)


def _version() -> int:
    return store.refresh().version


def _change(reason: str, now: datetime.datetime) -> dict[str, Any]:
    return {"actor": CHIEF, "reason": reason, "expected_version": _version(), "now": now}


def _set(weight_bp: int, reason: str, now: datetime.datetime) -> None:
    services.set_weight(weight_bp=weight_bp, **_change(reason, now))


def _workers(now: datetime.datetime, version: int, late: int = 0) -> None:
    Worker.objects.all().delete()
    for number in range(4):
        seen = version - 1 if number < late else version
        Worker.objects.create(name=f"node-{'ab'[number % 2]}:{410 + number}:17a", version=seen, seen_at=now)


def _started(now: datetime.datetime, ago: datetime.timedelta) -> datetime.datetime:
    """A plan's first step, 10 %, with a minimum time of six hours."""
    began = now - ago
    _set(100, "a first look", began - DAY)
    steps_bp = [1_000, 5_000, 9_000, 10_000]
    services.start_plan(
        steps_bp=steps_bp, min_s=6 * 3600, is_fresh_cohort=False, **_change("the release of May", began)
    )
    _workers(now, version=_version())
    return began


def _guarded(now: datetime.datetime, silent: datetime.timedelta = datetime.timedelta()) -> None:
    Lease.objects.create(
        name="controller", holder="node-a:412:9f3e", expires_at=now - silent + DAY / 1440, done_at=now - silent
    )


def _verdict(now: datetime.datetime, kind: str, reason: str, sentence: str, **numbers: Any) -> None:
    row = Rollout.objects.get()
    told = {**NUMBERS, "judged_at": now.isoformat(), "reason": reason, **numbers}
    Verdict.objects.create(release=row.release, stage=row.stage, at=now, kind=kind, sentence=sentence, numbers=told)


def _traffic(now: datetime.datetime, v2_errors: float) -> None:
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


def _evidence(now: datetime.datetime, began: datetime.datetime, *, harm: bool, safe: float = 11.8) -> None:
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
    kinds = [("no_data", "No data at 10 %: nobody has finished three requests on v2 yet."), ("hold", waiting)]
    if harm:
        kinds.append(("harm", HARMING))
    reasons = {"no_data": "no_outcome", "hold": "not_safe", "harm": "harm"}
    for place, (kind, sentence) in enumerate(kinds):
        at = began + (place + 0.2) * length / 3
        numbers = {**NUMBERS, "safe": SAFE, "routes": routes, "judged_at": now.isoformat(), "reason": reasons[kind]}
        Verdict.objects.create(
            release=row.release, stage=row.stage, at=at, kind=kind, sentence=sentence, numbers=numbers
        )


def _compared(different: int = 0) -> None:
    """Reads that both versions answered."""
    release = Rollout.objects.get().release
    counts = {"equal": 812, "different": different, "failed": 1, "timed_out": 0, "dropped": 2}
    for route in ROUTES[:4]:
        for result, count in counts.items():
            ShadowTotal.objects.create(release=release, route=route, result=result, count=count)


def _found(now: datetime.datetime) -> None:
    release = Rollout.objects.get().release
    times = {"first_seen_at": now - DAY, "last_seen_at": now}
    _compared(different=9)
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


def _consumers(now: datetime.datetime, count: int = 60, of: int = 25, prefix: str = "consumer-") -> None:
    agents = ("python-requests", "curl", "Mozilla")
    ConsumerUsage.objects.bulk_create(
        ConsumerUsage(
            day=now.date() - datetime.timedelta(days=number % 7),
            kind=("key", "client", "user")[number % 3],
            identifier=f"{prefix}{number % of:02}",
            route=ROUTES[number % 6],
            calls=1_000_000 // (number + 1),
            refused=number % 4,
            agent=agents[number % 3],
            last_seen_at=now - datetime.timedelta(hours=number % 160),
        )
        for number in range(count)
    )


def _identities(now: datetime.datetime) -> None:
    SeenIdentity.objects.bulk_create(
        SeenIdentity(kind="client", identifier=f"visitor-{number}", last_seen_at=now) for number in range(400)
    )
