"""`canary explain --at`: the decision of a past instant, equal to what the entrance served then."""

import datetime
import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, NamedTuple

import pytest
from django.core.management.base import CommandError
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from canary import services
from canary.core.lifecycle import OwnWindow
from canary.core.values import Decision, Identity, parse_identity
from canary.errors import Refused
from canary.middleware import CanaryMiddleware
from canary.models import ListEntry, PastCohort, Rollout, RolloutEvent
from canary.reporting.explaining import explain_at
from canary.services import life
from canary.state import store
from tests.canary.seeing import fresh_recorder

BEGIN = datetime.datetime(2026, 11, 1, 10, tzinfo=datetime.UTC)
CLIENTS = [f"client:c{number}" for number in range(4)]
OFFSETS_S = (0.0, 0.7, 1.6)
"""After a change: at once, while it may wait for other processes, in force."""
HOUR_S = 3_600
PERIODS = 8
"""Of each crossover."""

pytestmark = pytest.mark.django_db


class Served(NamedTuple):
    at: datetime.datetime
    identity: str
    told: tuple[int, str, int | None]
    """Version, reason and bucket."""


class Site:
    """One of several server processes, with a clock that the test moves."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.served: list[Served] = []
        self.decided: list[Decision] = []
        self._middleware = CanaryMiddleware(self._note)

    def change(self, service: Callable[..., Any], *, is_looked_at: bool = True, **arguments: Any) -> None:
        """Change the rollout, and read it as each process does; then let clients come."""
        self.now += datetime.timedelta(seconds=1)
        row = Rollout.objects.filter(pk=1).first()
        words: dict[str, Any] = {"actor": "user:1", "reason": "a test", "now": self.now}
        if service is not services.roll_back:
            words["expected_version"] = row.version if row else 0
        service(**words, **arguments)
        store.refresh()
        if is_looked_at:
            self.look()

    def look(self) -> None:
        changed_at = self.now
        for offset_s in OFFSETS_S:
            self.now = changed_at + datetime.timedelta(seconds=offset_s)
            for client in CLIENTS:
                self.ask(client)

    def ask(self, client: str) -> None:
        self.decided.clear()
        self._middleware(RequestFactory().get("/api/x", headers={"x-client-id": client.removeprefix("client:")}))
        [decision] = self.decided
        told = (decision.api_version, decision.reason, decision.bucket)
        self.served.append(Served(self.now, str(decision.identity), told))

    def _note(self, request: HttpRequest) -> HttpResponse:
        self.decided.append(request.canary)  # type: ignore[attr-defined]
        return HttpResponse()


sites: list[Site] = []


def clock() -> float:
    return sites[-1].now.timestamp() if sites else BEGIN.timestamp()


@pytest.fixture
def site(rollout: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    rollout(CLOCK=f"{__name__}.clock")
    monkeypatch.setattr(store, "_waits_for_others", True)
    with fresh_recorder():
        sites.append(Site())
        store.refresh()
        yield sites[-1]
    sites.clear()


def play(site: Site) -> None:
    """A rollout with each kind of change that decides who is answered by which version."""
    listed = parse_identity(CLIENTS[0])
    site.change(services.set_weight, weight_bp=3_000)
    site.change(services.add_to_list, list="allow", identity=listed)
    site.change(services.add_to_list, list="exclude", identity=listed)
    site.change(services.remove_from_list, list="exclude", identity=listed)
    site.change(services.roll_back)
    site.change(services.acknowledge)
    cross(site)
    site.change(services.start_plan, steps_bp=[4_500, 7_000, 10_000], min_s=60, is_fresh_cohort=True)
    begin = int(site.now.timestamp()) + 1
    site.change(life.deprecate, sunset_at=begin + 90 * 24 * HOUR_S, is_override=True)
    site.change(life.add_brownout, window=(begin + 3, begin + 9_000), is_override=True)
    site.change(life.end_brownout)


def cross(site: Site) -> None:
    """Two crossovers of three of the clients: one until after its last period, and one that is stopped."""
    site.change(services.start_crossover, consumers=CLIENTS[:3], period_s=5.0, pairs=4)
    for _ in range(PERIODS + 1):
        site.now += datetime.timedelta(seconds=3.4)
        site.look()
    site.change(services.end_crossover, verdict="pass")
    site.change(services.start_crossover, consumers=CLIENTS[:3], period_s=5.0, pairs=4)
    site.now += datetime.timedelta(seconds=5)
    site.change(services.end_crossover)


def play_on(site: Site) -> None:
    """More of it: both lists, lower weights, several cohorts, and rollbacks while a change or a brownout waits."""
    play(site)
    for number, client in enumerate(CLIENTS[:3]):
        site.change(services.add_to_list, list=("allow", "exclude")[number % 2], identity=parse_identity(client))
    site.change(services.promote_plan)
    site.change(services.set_weight, weight_bp=2_000)
    site.change(services.set_weight, weight_bp=9_000, is_looked_at=False)
    site.change(services.set_weight, weight_bp=9_500)
    site.change(services.set_weight, weight_bp=10_000, is_looked_at=False)
    site.change(services.roll_back)
    site.change(services.acknowledge)
    begin = int(site.now.timestamp()) + 1
    site.change(life.add_brownout, window=(begin + 4, begin + 9_000), is_override=True)
    site.change(services.start_plan, steps_bp=[3_000, 10_000], min_s=60, is_fresh_cohort=True)
    site.change(services.roll_back)
    site.change(services.acknowledge)
    site.change(life.add_own_brownout, own=OwnWindow(CLIENTS[3], begin, begin + 9_000), is_override=True)
    site.change(life.end_brownout, consumer=CLIENTS[3])
    site.change(life.restore)
    site.change(services.start_plan, steps_bp=[6_000, 10_000], min_s=60, is_fresh_cohort=True)
    site.change(life.sunset, is_override=True)
    site.change(life.restore)


def explained(served: Served, now: datetime.datetime) -> tuple[int, str, int | None]:
    """What `explain --at` says that the servers answered by."""
    told = explain_at(parse_identity(served.identity), served.at, now)
    in_force = {**told, **told.get("in_force", {})}
    return in_force["api_version"], in_force["reason"], in_force["bucket"]


def wrongly_explained(site: Site) -> list[Any]:
    wrong = []
    for served in site.served:
        version, reason, bucket = explained(served, site.now)
        # The middleware computes a bucket only where it decides.
        if (version, reason, bucket if reason in ("bucket", "crossover") else None) != served.told:
            wrong.append((served, version, reason, bucket))
    return wrong


def test_each_decision_of_a_scripted_rollout_is_explained_as_it_was_served(site: Site) -> None:
    play(site)
    assert {served.told[1] for served in site.served} == {
        *("bucket", "allow", "exclude", "crossover", "lifecycle_brownout")
    }
    assert {served.told[0] for served in site.served if served.told[1] == "crossover"} == {1, 2}
    assert len(site.served) == (10 + 4 + PERIODS + 1) * len(OFFSETS_S) * len(CLIENTS)
    assert wrongly_explained(site) == []


@pytest.mark.slow
def test_so_is_each_decision_of_a_long_rollout_with_several_cohorts(site: Site) -> None:
    play_on(site)
    assert PastCohort.objects.count() == 3
    assert "lifecycle_v1_gone" in {served.told[1] for served in site.served}
    assert wrongly_explained(site) == []


def at(seconds: float) -> datetime.datetime:
    return BEGIN + datetime.timedelta(seconds=seconds)


def set_weight(weight_bp: int, seconds: float) -> None:
    """Set the weight so many seconds after BEGIN."""
    row = Rollout.objects.filter(pk=1).first()
    words: dict[str, Any] = {"actor": "user:1", "reason": "a test", "expected_version": row.version if row else 0}
    services.set_weight(weight_bp=weight_bp, now=at(seconds), **words)


def start_fresh(seconds: float) -> None:
    row = Rollout.objects.get()
    words: dict[str, Any] = {"actor": "user:1", "reason": "a test", "expected_version": row.version}
    services.start_plan(steps_bp=[5_000], min_s=0, is_fresh_cohort=True, now=at(seconds), **words)


def test_the_command_names_the_version_and_what_the_log_does_not_contain(run_canary: Callable[..., str]) -> None:
    set_weight(10_000, 0)
    told = json.loads(run_canary("explain", "client:a", "--at", "2026-11-01T10:00:30.5Z", "--json"))
    assert (told["version"], told["api_version"], told["reason"]) == (1, 2, "bucket")
    assert told["at"] == "2026-11-01T10:00:30.500000+00:00"
    said = run_canary("explain", "client:a", "--at", "2026-11-01T12:00:01+02:00")
    assert "by version 1 of the rollout, client:a was to be answered by v2" in said
    assert "Until then v1 answered: reason bucket, weight 0 basis points." in said
    assert "doesn't contain USE_LEGACY_API_V1 and API_V2_ENABLED" in said


def test_a_list_entry_is_told_with_the_words_of_its_event_though_it_is_gone() -> None:
    who = parse_identity("client:a")
    words: dict[str, Any] = {"list": "allow", "identity": who, "actor": "user:3 alice", "reason": "asked"}
    services.add_to_list(**words, expected_version=0, now=at(0))
    services.remove_from_list(**words, expected_version=1, now=at(60))
    assert not ListEntry.objects.exists()
    told = explain_at(who, at(30), at(99))
    assert told["list"] == {"name": "allow", "reason": "asked", "actor": "user:3 alice", "actor_name": "alice"}
    assert "list" not in explain_at(who, at(61), at(99))


def test_a_server_that_had_not_read_a_rollback_yet_is_spoken_of() -> None:
    set_weight(10_000, 0)
    services.roll_back(reason="harm", actor="user:1", now=at(60))
    lately = "Version 2 was decided in the 2 s before"
    who = Identity("client", "a")
    assert [lately in " ".join(explain_at(who, at(second), at(99))["notes"]) for second in (59, 61, 62)] == [0, 1, 0]


@pytest.mark.parametrize(
    ("seconds", "code"), [(-0.001, "before-first-event"), (0, ""), (60, ""), (60.001, "in-the-future")]
)
def test_an_instant_that_the_log_does_not_cover_is_refused(seconds: float, code: str) -> None:
    set_weight(10_000, 0)
    with pytest.raises(Refused) if code else nullcontext() as refused:
        explain_at(Identity("user", "1"), at(seconds), at(60))
    assert (refused.value.code if refused else "") == code


def test_without_an_event_nothing_is_known() -> None:
    with pytest.raises(Refused, match="has no events yet"):
        explain_at(Identity("user", "1"), at(0), at(60))


def test_without_its_salt_a_cohort_is_unknown_where_the_bucket_decides() -> None:
    """As after an update from a release that kept none."""
    who = Identity("client", "a")
    set_weight(5_000, 0)
    set_weight(0, 60)
    start_fresh(120)
    PastCohort.objects.all().delete()
    with pytest.raises(Refused, match="is unknown: the salt of its cohort was not kept"):
        explain_at(who, at(30), at(999))
    told = explain_at(who, at(90), at(999))
    assert (told["api_version"], told["bucket"]) == (1, None)
    assert explain_at(who, at(30), at(999), salt="mine")["bucket"] is not None
    assert explain_at(who, at(180), at(999))["bucket"] is not None


def test_without_its_salt_the_draw_of_a_crossover_is_unknown() -> None:
    words: dict[str, Any] = {"actor": "user:1", "reason": "a test"}
    services.start_crossover(consumers=["client:a"], period_s=60.0, pairs=4, expected_version=0, now=at(0), **words)
    services.end_crossover(expected_version=1, now=at(60), **words)
    start_fresh(120)
    PastCohort.objects.all().delete()
    with pytest.raises(Refused, match="is unknown: the salt of its cohort was not kept"):
        explain_at(Identity("client", "a"), at(30), at(999))
    assert explain_at(Identity("client", "b"), at(30), at(999))["reason"] == "bucket"


def test_a_kept_salt_that_is_not_that_of_the_event_counts_as_lost() -> None:
    set_weight(5_000, 0)
    start_fresh(60)
    PastCohort.objects.update(salt="another")
    with pytest.raises(Refused, match="is unknown"):
        explain_at(Identity("client", "a"), at(30), at(999))


def test_no_answer_shows_a_salt(run_canary: Callable[..., str]) -> None:
    set_weight(5_000, 0)
    start_fresh(60)
    salts = [PastCohort.objects.get().salt, Rollout.objects.get().salt]
    assert salts[0] != salts[1]
    shown = run_canary("explain", "user:1", "--at", "2026-11-01T10:00:30Z", "--json") + run_canary("history", "--json")
    assert not [salt for salt in salts if salt in shown]


def test_an_altered_log_proves_nothing_from_there_on(run_canary: Callable[..., str]) -> None:
    set_weight(5_000, 0)
    set_weight(6_000, 60)
    RolloutEvent.objects.filter(version=2).update(after={**RolloutEvent.objects.get(version=2).after, "weight_bp": 0})
    assert "error" not in explain_at(Identity("user", "1"), at(30), at(999))
    with pytest.raises(CommandError, match="broken at version 2, so nothing proves this answer"):
        run_canary("explain", "user:1", "--at", "2026-11-01T10:02:00Z")


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_instant_is_refused_with_what_is_allowed(run_canary: Callable[..., str], text: str) -> None:
    with pytest.raises(CommandError, match="is not a date; allowed is ISO 8601"):
        run_canary("explain", "user:1", "--at", text)
