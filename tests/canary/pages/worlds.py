"""Rollouts to look at, with a day of what was seen: at zero, in the middle of a plan, rolled back, in a brownout."""

import datetime
from dataclasses import asdict
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from canary import services
from canary.core.findings import new_repeats, sentence_of_gaps
from canary.core.lifecycle import OwnWindow
from canary.core.values import Identity
from canary.judging.breaking import breakers_of
from canary.judging.crossing import verdict_on
from canary.judging.judging import gaps_of, repeats_of, stage_of
from canary.models import (
    AcceptedDifference,
    ConsumerUsage,
    Crash,
    CrossoverCount,
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
from canary.recording.tally import digest_of
from canary.services import life
from canary.state import store
from tests.canary.pages.seen import (
    DAY,
    FEW,
    HARMING,
    NUMBERS,
    SAFE,
    WAITING,
    compared,
    consumers,
    evidence,
    found,
    identities,
    traffic,
)

CHIEF = "user:1 chief"
TABLES = (
    *(ConsumerUsage, EvidencePoint, Lease, ListEntry, MetricBucket, Observation, QueryFinding, Rollout, RolloutEvent),
    *(
        CrossoverCount,
        AcceptedDifference,
        Crash,
        SeenIdentity,
        ShadowDifference,
        ShadowTotal,
        UnitMinute,
        Verdict,
        Worker,
    ),
)
LONG_ID = "com.example.an-application-with-a-name-that-goes-on-and-on.production.eu-central-1"
LONG = (
    "Asked for by the people who look after the archive, because of what they found in their own logs last Thursday. "
    * 3
)
PASSING = WAITING.format(where="50 %", age="5.9 h")
PASSED = (
    "Pass at 10 %: no harm (evidence of errors 0.4 of 40, latency 0.9 of 80; harm where one reaches its limit, at most 5 %"
    " false alarms in a release); safe: 0 of 231 users of v2 had an error in their first three requests of this stage (v1: 3 of"
    " 2104); that 2.0 % or more of them fail, the declared limit, is ruled out, evidence 27.1 of the 20 needed; no statement is"
    " repeated more often than on v1, no shadow read differs; 7.0 h of at least 6.0 h in this stage. Next step: 50 %."
)


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
        traffic(now, V2_ERRORS.get(name, FEW))


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
    evidence(now, began, harm=False)
    compared()
    consumers(now)
    identities(now)
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
    evidence(now, began, harm=True)
    services.roll_back(
        actor="controller", reason=HARMING, now=now - datetime.timedelta(minutes=4), evidence={"kind": "harm"}
    )
    _workers(now, version=_version())
    found(now)
    identities(now)


def passing(now: datetime.datetime) -> None:
    """Everything is proved at 10 %, and the next step is due."""
    began = _started(now, datetime.timedelta(hours=7))
    _guarded(now)
    evidence(now, began, harm=False, safe=27.1)
    compared()
    _verdict(now, "pass", "safe", PASSED, safe={**SAFE, "clean": 231, "failing": 0, "clean_missing": 0})


def held(now: datetime.datetime) -> None:
    """By differences between the versions' responses, and by a statement that v2 repeats."""
    began = _started(now, datetime.timedelta(hours=2))
    _guarded(now)
    evidence(now, began, harm=False)
    found(now)
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


def crossing(now: datetime.datetime) -> None:
    """Twelve consumers in the ninth of twenty periods; v2 fails somewhat more often by chance."""
    began = now - datetime.timedelta(hours=8, minutes=30)
    _set(0, "the first day", began - DAY)
    user = get_user_model().objects.order_by("username").first()
    names = [
        f"user:{user.pk}" if user else "user:1",
        f"client:{LONG_ID}",
        *(f"key:ab{place}" for place in range(10, 20)),
    ]
    services.start_crossover(
        consumers=names, period_s=3_600.0, pairs=10, **_change("few clients, so each on both", began)
    )
    row = Rollout.objects.get()
    CrossoverCount.objects.bulk_create(
        CrossoverCount(
            release=row.release,
            place=place,
            period=period,
            api_version=1 + (place + period) % 2,
            requests=30 + 40 * place,
            failures=(place + period) % 3 + (place * period) % 2,
        )
        for place in range(len(names))
        for period in range(8)
    )
    _guarded(now)
    _workers(now, version=_version())
    verdict = verdict_on(row, now)
    assert verdict is not None
    _verdict(now, "hold", "crossover", f"Hold at 0 %: {verdict.sentence}.")


def unguarded(now: datetime.datetime) -> None:
    """A plan runs, and the controller has been silent for twenty minutes."""
    began = _started(now, datetime.timedelta(hours=1))
    _guarded(now, silent=datetime.timedelta(minutes=20))
    evidence(now, began, harm=False)


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
    consumers(now)


def migrating(now: datetime.datetime) -> None:
    """Consumers with ends of their own, of whom some were told, and one has a user of the site."""
    in_brownout(now)
    found(now)
    life.notify(**_change("first notice", now - DAY))
    consumers(now, count=6, of=6, prefix=f"{LONG_ID}-")
    busiest = ConsumerUsage.objects.order_by("-calls", "pk")[:3]
    if user := get_user_model().objects.order_by("username").first():
        ConsumerUsage.objects.filter(pk=busiest[2].pk).update(kind="user", identifier=str(user.pk))
    until, day = int((now + 70 * DAY).timestamp()), 86_400
    life.extend(consumer=f"{busiest[0].kind}:{busiest[0].identifier}", until=until, **_change("ships in March", now))
    for row in busiest[:2]:
        own = OwnWindow(f"{row.kind}:{row.identifier}", until - 40 * day, until - 40 * day + 3_600)
        life.add_own_brownout(own=own, is_override=True, **_change("wake them", now))
    vote = {"unit": digest_of(Identity("client", "consumer-01")), "api_version": 2, "network": "n"}
    vote |= {
        "release": Rollout.objects.get().release,
        "stage": 1,
        "weight_bp": 10_000,
        "route": "GET /posts",
        "at": now,
    }
    Observation.objects.create(metric="pair_refusal", is_authenticated=False, **vote)


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
    evidence(now, began, harm=False)
    found(now)
    consumers(now, count=2_000, of=500, prefix=f"{LONG_ID}-")


WORLDS = {
    "passing": passing,
    "held": held,
    "tripped": tripped,
    "crashed": crashed,
    "crossing": crossing,
    "unguarded": unguarded,
    "zero": at_zero,
    "middle": in_the_middle,
    "latched": rolled_back,
    "brownout": in_brownout,
    "migrating": migrating,
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
