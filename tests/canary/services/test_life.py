"""Changes of v1's life on stored data: what the guards read, what an override records, and what becomes of rollbacks."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from canary import services
from canary.core.consumers import PROVEN
from canary.core.lifecycle import DAY_S, DEPRECATED_DAYS, FULL_DAYS, HOUR_S, QUIET_DAYS, life_from
from canary.errors import Refused, VersionConflict
from canary.models import ConsumerUsage, Rollout, RolloutEvent, Verdict
from canary.retiring.usage import recent_calls
from canary.services import life
from tests.canary.consumers import TOLD

NOW = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)
AT = int(NOW.timestamp())
END = AT + 90 * DAY_S


def later(days: float) -> datetime.datetime:
    return NOW + datetime.timedelta(days=days)


def change(service: Callable[..., Any], now: datetime.datetime = NOW, **arguments: Any) -> Any:
    words = {"actor": "user:1 mia", "reason": "a plan", "expected_version": None, "now": now}
    return service(**{**words, **arguments})


def row() -> Rollout:
    return Rollout.objects.get(pk=1)


def last_event() -> RolloutEvent:
    return RolloutEvent.objects.order_by("-version")[0]


def evidence() -> Any:
    return last_event().evidence


def use_v1(consumer: str, at: datetime.datetime = NOW, route: str = "GET /things", calls: int = 1) -> None:
    kind, _, identifier = consumer.partition(":")
    fields = {"agent": "curl", "last_seen_at": at, "calls": calls, "is_vouched": kind in PROVEN}
    ConsumerUsage.objects.create(day=at.date(), kind=kind, identifier=identifier, route=route, **fields)


def prove_v2() -> None:
    """At 100 % for long enough, with a verdict that says it is safe."""
    change(services.set_weight, later(-FULL_DAYS), weight_bp=10_000)
    verdict = {"at": NOW, "kind": "pass", "sentence": "safe", "numbers": {}}
    Verdict.objects.create(release=row().release, stage=row().stage, **verdict)


@pytest.fixture(autouse=True)
def _arms(rollout: Callable[..., None], db: None) -> Iterator[None]:
    rollout(
        ARMS={1: "tests.canary.arm_routes_v1", 2: "tests.canary.arm_urls_v2"},
        SUCCESSORS="tests.canary.successors",
        NOTIFY_CONSUMERS="tests.canary.consumers.notify_consumers",
        GUIDE="/docs/v1-to-v2",
    )
    TOLD.clear()
    yield
    TOLD.clear()


def test_a_proven_v2_lets_v1_be_deprecated_without_an_override() -> None:
    prove_v2()
    change(life.deprecate, sunset_at=END)
    assert life_from(row().lifecycle).state == "deprecated"
    assert evidence()["is_override"] is False
    assert evidence()["facts"]["is_safe"] is True


@pytest.mark.parametrize(
    ("undo", "what"),
    [
        (lambda: change(services.set_weight, weight_bp=9_999), "100 % for 7 days"),
        (lambda: RolloutEvent.objects.update(at=later(-FULL_DAYS + 0.01)), "100 % for 7 days"),
        (lambda: Rollout.objects.update(release=99), "isn't proven safe"),
        (
            lambda: Verdict.objects.create(
                release=row().release, stage=1, at=later(0.1), kind="hold", sentence="?", numbers={}
            ),
            "isn't proven safe",
        ),
    ],
    ids=["below 100", "too short", "another release", "a later verdict"],
)
def test_an_unproven_v2_leaves_v1_active(undo: Callable[[], object], what: str) -> None:
    prove_v2()
    undo()
    with pytest.raises(Refused, match=what) as refused:
        change(life.deprecate, sunset_at=END)
    assert (refused.value.code, refused.value.current["lifecycle"]) == ("guards-unmet", "active")


def test_a_call_without_an_entry_in_the_data_is_named(settings: Any) -> None:
    prove_v2()
    settings.CANARY = {**settings.CANARY, "SUCCESSORS": None}
    with pytest.raises(Refused, match=r"documented gap: GET /things, GET /things/<str:id>\."):
        change(life.deprecate, sunset_at=END)


def test_an_override_is_recorded_with_name_reason_and_what_it_skipped() -> None:
    change(life.deprecate, sunset_at=END, is_override=True, reason="the law says so")
    event = last_event()
    assert (event.verb, event.actor, event.reason) == ("lifecycle deprecate", "user:1 mia", "the law says so")
    assert evidence()["is_override"] is True
    assert [one["code"] for one in evidence()["skipped"]] == ["full-traffic", "certificate"]
    assert (event.before["lifecycle"]["state"], event.after["lifecycle"]["state"]) == ("active", "deprecated")


def test_an_override_skips_no_state_and_no_order_of_dates() -> None:
    with pytest.raises(Refused, match="run `lifecycle deprecate` first"):
        change(life.sunset, is_override=True)
    with pytest.raises(Refused, match="comes after"):
        change(life.deprecate, sunset_at=AT - 1, is_override=True)
    assert not RolloutEvent.objects.exists()


def test_a_change_of_what_somebody_else_changed_is_refused() -> None:
    version = change(life.deprecate, sunset_at=END, is_override=True).version
    with pytest.raises(VersionConflict):
        change(life.restore, expected_version=version - 1)


def test_a_brownout_waits_until_every_consumer_of_the_last_days_was_told() -> None:
    change(life.deprecate, sunset_at=END, is_override=True)
    later_at = later(DEPRECATED_DAYS)
    use_v1("key:ab12", later_at)
    use_v1("client:app", later_at)
    use_v1("anon", later_at)
    use_v1("user:9", later_at - datetime.timedelta(days=QUIET_DAYS, seconds=1))
    start = int(later(DEPRECATED_DAYS + 14).timestamp())
    window = (start, start + HOUR_S)
    with pytest.raises(Refused, match=r"Not notified yet: key:ab12; "):
        change(life.add_brownout, later_at, window=window)
    outcome = change(life.notify, later_at)
    assert outcome == {"key:ab12": "mailed", "client:app": "no_address", "user:9": "no_address"}
    change(life.add_brownout, later_at, window=window)
    assert life_from(row().lifecycle).brownouts == (window,)


def test_usage_is_read_before_the_row_is_locked_and_so_no_rollback_waits_for_it() -> None:
    use_v1("client:app")
    change(services.set_weight, weight_bp=5_000)
    with CaptureQueriesContext(connection) as captured:
        assert change(life.notify) == {"client:app": "no_address"}
    statements = [one["sql"] for one in captured.captured_queries]
    locked = next(place for place, sql in enumerate(statements) if sql.startswith(("BEGIN", "SAVEPOINT")))
    assert [place < locked for place, sql in enumerate(statements) if "canary_consumerusage" in sql] == [True]


def test_nobody_is_told_dates_that_were_changed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    prove_v2()
    use_v1("client:app")
    prepare = services.life._prepared_notices

    def prepare_slowly(*words: Any) -> Any:
        prepared = prepare(*words)
        change(life.deprecate, sunset_at=END)
        return prepared

    monkeypatch.setattr(life, "_prepared_notices", prepare_slowly)
    with pytest.raises(Refused, match="so no consumer was notified: try again"):
        change(life.notify)
    assert (TOLD, last_event().verb) == ([], "lifecycle deprecate")


def test_a_notification_before_the_deprecation_does_not_count() -> None:
    use_v1("key:ab12", later(DEPRECATED_DAYS))
    change(life.notify, later(-1))
    change(life.deprecate, sunset_at=END, is_override=True)
    window = (END - HOUR_S, END)
    with pytest.raises(Refused, match="Not notified yet: key:ab12"):
        change(life.add_brownout, later(DEPRECATED_DAYS), window=window)


def test_each_consumer_is_told_its_own_calls_with_their_equivalents() -> None:
    change(life.deprecate, sunset_at=END, is_override=True)
    use_v1("key:ab12", calls=3)
    use_v1("key:ab12", later(-1), calls=4)
    use_v1("key:ab12", route="GET /things/{id}", calls=9)
    use_v1("key:cd34", calls=5)
    use_v1("anon", calls=70)
    change(life.notify)
    told = {usage["consumer"]: usage for usage, _ in TOLD}
    assert {name: usage["calls"] for name, usage in told.items()} == {"key:ab12": 16, "key:cd34": 5}
    assert [(one["route"], one["calls"], one["v2"]) for one in told["key:ab12"]["routes"]] == [
        ("GET /things/{id}", 9, "An item has no address of its own."),
        ("GET /things", 7, "GET /api/v2/items"),
    ]
    assert TOLD[0][1] == {
        "dates": ["Version 1 has been deprecated since 2026-12-01T00:00:00Z and ends at 2027-03-01T00:00:00Z."],
        "guide": "/api/v2/docs/v1-to-v2",
    }
    assert last_event().evidence == {"consumers": {"key:ab12": "mailed", "key:cd34": "mailed"}}


@pytest.fixture
def due() -> datetime.datetime:
    """The announced date, after a brownout."""
    change(life.deprecate, sunset_at=END, is_override=True)
    change(life.add_brownout, window=(AT, AT + HOUR_S), is_override=True)
    return datetime.datetime.fromtimestamp(END, datetime.UTC)


def test_v1_is_not_sunset_while_somebody_used_it_lately(due: datetime.datetime) -> None:
    use_v1("user:9", due - datetime.timedelta(days=QUIET_DAYS) + datetime.timedelta(seconds=1))
    change(life.notify, due)
    with pytest.raises(Refused, match=r"v1 was called at .* by a user or an API key: 14 days without such a call"):
        change(life.sunset, due)
    change(life.sunset, due + datetime.timedelta(seconds=1))
    assert life_from(row().lifecycle).state == "sunset"


@pytest.mark.parametrize("consumer", ["anon", "client", "client:app", "key", "key:madeup"])
def test_no_sunset_waits_for_calls_that_anybody_can_make(due: datetime.datetime, consumer: str) -> None:
    use_v1(consumer, due, calls=7)
    use_v1(consumer, due - datetime.timedelta(days=QUIET_DAYS + 1), calls=90)
    ConsumerUsage.objects.update(is_vouched=False)
    change(life.sunset, due)
    facts = evidence()["facts"]
    assert (row().lifecycle["state"], evidence()["skipped"], facts["last_reached_at"]) == ("sunset", [], None)
    assert (evidence()["calls"], facts["last_call_at"]) == ({"recent": 7, "unproven": 7}, END)


@pytest.mark.parametrize(("days", "is_waited_for"), [(29, True), (31, False)])
def test_a_sunset_waits_for_a_key_that_only_called_in_a_brownout_if_a_view_let_it_in_before(
    due: datetime.datetime, days: int, is_waited_for: bool
) -> None:
    use_v1("key:ab12", due - datetime.timedelta(days=days))
    change(life.notify, due)
    use_v1("key:ab12", due - datetime.timedelta(days=1), calls=3)
    ConsumerUsage.objects.filter(calls=3).update(is_vouched=False, refused=3)
    is_reached = life.facts_about(row(), due).last_reached_at is not None
    assert (is_reached, recent_calls(due)) == (is_waited_for, (3, 0 if is_waited_for else 3))


def test_a_refused_sunset_says_how_many_calls_it_does_not_wait_for(due: datetime.datetime) -> None:
    use_v1("user:9", due)
    use_v1("anon", due, calls=1_204)
    with pytest.raises(Refused) as refused:
        change(life.sunset, due)
    assert refused.value.sentence.endswith(
        "Calls of v1 without a proven name in the last 14 days: 1,204 of 1,205. The sunset does not wait for them: their"
        " clients get 410 from then on."
    )
    with pytest.raises(Refused) as refused:
        change(life.add_brownout, due, window=(END, END + HOUR_S))
    assert "proven name" not in refused.value.sentence


def test_a_rollback_is_refused_after_the_sunset_with_the_way_out() -> None:
    change(services.set_weight, weight_bp=10_000)
    change(life.deprecate, sunset_at=END, is_override=True)
    change(life.sunset, is_override=True)
    with pytest.raises(Refused, match="`lifecycle restore` brings v1 back"):
        services.roll_back(reason="r", actor="a", now=NOW)
    change(life.restore)
    services.roll_back(reason="r", actor="a", now=NOW)
    assert (row().weight_bp, row().latched) == (0, True)


def test_v1_is_not_sunset_while_a_rollback_is_latched() -> None:
    """It would send everybody to what was found harmful."""
    change(life.deprecate, sunset_at=END, is_override=True)
    services.roll_back(reason="r", actor="a", now=NOW)
    with pytest.raises(Refused, match="canary ack"):
        change(life.sunset, is_override=True)


def test_v1_is_not_sunset_while_v2_is_switched_off(settings: Any) -> None:
    change(life.deprecate, sunset_at=END, is_override=True)
    settings.CANARY = {**settings.CANARY, "IS_V2_ENABLED": False}
    with pytest.raises(Refused, match="API_V2_ENABLED"):
        change(life.sunset, is_override=True)


def test_every_transition_is_one_event_of_the_chain() -> None:
    change(life.deprecate, sunset_at=END, is_override=True)
    change(life.add_brownout, window=(AT, AT + HOUR_S), is_override=True)
    change(life.end_brownout, later(0.01))
    change(life.sunset, later(0.02), is_override=True)
    change(life.restore, later(0.03))
    change(life.restore, later(0.03))
    change(life.restore, later(0.03))
    states = [event.after["lifecycle"]["state"] for event in RolloutEvent.objects.order_by("version")]
    assert states == ["deprecated", "brownout", "brownout", "sunset", "brownout", "deprecated", "active"]


def test_a_restored_v1_has_the_dates_that_were_announced_before_an_early_sunset() -> None:
    change(life.deprecate, sunset_at=END, is_override=True)
    window = (END - HOUR_S, END)
    change(life.add_brownout, window=window, is_override=True)
    before = row().lifecycle
    change(life.sunset, later(1), is_override=True)
    assert change(life.restore, later(2)).lifecycle == before
    change(life.sunset, later(1), is_override=True)
    late = life_from(change(life.restore, later(91)).lifecycle)
    assert (late.state, late.sunset_at, late.brownouts) == ("deprecated", None, ())
    with pytest.raises(Refused, match="`deprecate --sunset DATE` announces another") as refused:
        change(life.sunset, later(92), is_override=True)
    assert refused.value.code == "no-sunset-date"
    change(life.deprecate, later(92), sunset_at=END + 9 * DAY_S)
    change(life.sunset, later(93), is_override=True)


def test_without_anybody_who_could_tell_them_consumers_are_not_taken_for_told(settings: Any) -> None:
    settings.CANARY = {**settings.CANARY, "NOTIFY_CONSUMERS": ""}
    with pytest.raises(Refused, match="NOTIFY_CONSUMERS"):
        change(life.notify)
