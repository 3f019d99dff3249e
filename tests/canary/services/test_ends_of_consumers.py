"""The end of v1 for single consumers on stored data: who is told, who is spared, who has to agree, and who is asked why."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest

from canary import services
from canary.core.consumers import can_be_spared
from canary.core.lifecycle import DAY_S, HOUR_S, NOTICE_DAYS, OwnWindow, iso
from canary.core.values import parse_identity
from canary.errors import Refused
from canary.models import ConsumerUsage, RolloutEvent
from canary.reporting.explaining import account_of, explain_at
from canary.reporting.history import first_broken_version
from canary.services import life
from canary.state import store
from tests.canary.consumers import TOLD
from tests.canary.services.conftest import row

NOW = datetime.datetime(2026, 12, 1, tzinfo=datetime.UTC)
AT = int(NOW.timestamp())
END = AT + 90 * DAY_S
IOS = "key:ios1"
ANNA, BEN = "user:1", "user:2"


def later(days: float) -> datetime.datetime:
    return NOW + datetime.timedelta(days=days)


def change(service: Callable[..., Any], now: datetime.datetime = NOW, actor: str = ANNA, **arguments: Any) -> Any:
    return service(actor=actor, reason="iOS ships in March", expected_version=None, now=now, **arguments)


def use_v1(consumer: str, at: datetime.datetime = NOW) -> None:
    kind, _, identifier = consumer.partition(":")
    is_vouched = can_be_spared(consumer)
    fields = {"route": "GET /things", "agent": "curl", "last_seen_at": at, "calls": 1, "is_vouched": is_vouched}
    ConsumerUsage.objects.create(day=at.date(), kind=kind, identifier=identifier, **fields)


def last() -> Any:
    return RolloutEvent.objects.latest("version")


@pytest.fixture(autouse=True)
def _arms(rollout: Callable[..., None], db: None) -> None:
    rollout(NOTIFY_CONSUMERS="tests.canary.consumers.notify_consumers")
    TOLD.clear()


@pytest.fixture
def deprecated() -> None:
    change(life.deprecate, sunset_at=END, is_override=True)


@pytest.mark.usefixtures("deprecated")
def test_an_extension_is_one_event_of_the_chain_with_its_consumer() -> None:
    change(life.extend, consumer=IOS, until=END + DAY_S)
    assert (last().verb, last().evidence) == ("lifecycle extend", {"consumer": IOS, "until": END + DAY_S})
    assert (last().before["lifecycle"]["extensions"], row().lifecycle["extensions"]) == ({}, {IOS: END + DAY_S})
    change(life.extend, consumer=IOS, until=None)
    assert row().lifecycle["extensions"] == {}
    assert first_broken_version() is None


@pytest.mark.usefixtures("deprecated")
def test_a_refused_extension_changes_nothing() -> None:
    with pytest.raises(Refused, match="Give it to a user") as refused:
        change(life.extend, consumer="client:app", until=END + DAY_S)
    assert refused.value.code == "unproven-consumer"
    assert RolloutEvent.objects.count() == 1


@pytest.mark.usefixtures("deprecated")
def test_a_sunset_without_a_notice_names_those_who_were_never_told() -> None:
    change(life.add_brownout, window=(AT, AT + HOUR_S), is_override=True)
    for days, consumer in ((90 - 20, IOS), (90 - 31, "key:old"), (90 - 15, "client:app")):
        use_v1(consumer, later(days))
    with pytest.raises(Refused, match=r"Not notified yet: key:ios1; run `lifecycle notify`\.$"):
        change(life.sunset, later(90))
    change(life.notify, later(90))
    change(life.sunset, later(90))
    assert row().lifecycle["extensions"] == {}


@pytest.mark.usefixtures("deprecated")
def test_only_those_who_were_told_are_refused_and_calls_of_the_others_do_not_count_as_use() -> None:
    change(life.add_brownout, window=(AT, AT + HOUR_S), is_override=True)
    use_v1(IOS, later(89))
    change(life.sunset, later(90), is_told_only=True)
    assert row().lifecycle["extensions"] == {IOS: None}
    assert last().evidence["facts"]["spared"] == [IOS]
    change(life.notify, later(91))
    due = int(later(91).timestamp()) + NOTICE_DAYS * DAY_S
    assert row().lifecycle["extensions"] == {IOS: due}
    [(usage, dates)] = TOLD
    assert usage["dates"] == [f"It is answered until {iso(due)}."]
    assert dates["dates"] == ["Version 1 ended at 2027-03-01T00:00:00Z: its calls are answered with 410."]
    change(life.notify, later(95))
    assert row().lifecycle["extensions"] == {IOS: due}


@pytest.mark.usefixtures("deprecated")
def test_v1_counts_as_quiet_while_only_extended_consumers_call_it() -> None:
    change(life.add_brownout, window=(AT, AT + HOUR_S), is_override=True)
    use_v1(IOS, later(89))
    change(life.notify, later(89))
    with pytest.raises(Refused, match="14 days without such a call"):
        change(life.sunset, later(90))
    change(life.extend, later(90), consumer=IOS, until=END + DAY_S)
    change(life.sunset, later(90))
    assert row().lifecycle["state"] == "sunset"


@pytest.mark.usefixtures("deprecated")
def test_a_brownout_of_one_consumer_waits_until_that_one_was_told_and_it_is_told_the_window() -> None:
    use_v1(IOS, later(30))
    use_v1("key:other", later(30))
    start = int(later(60).timestamp())
    window = OwnWindow(IOS, start, start + HOUR_S)
    use_v1("client:erp", later(30))
    for name in (IOS, "client:erp"):
        with pytest.raises(Refused, match=rf"Not notified yet: {name}; "):
            change(life.add_own_brownout, later(31), own=window._replace(consumer=name))
    change(life.notify, later(31))
    change(life.add_own_brownout, later(31), own=window)
    assert last().evidence["consumer"] == IOS
    change(life.notify, later(32))
    dates = {usage["consumer"]: usage["dates"] for usage, _ in TOLD[2:] if usage["consumer"] != "client:erp"}
    own = f"For it alone it is switched off from {iso(start)} to {iso(start + HOUR_S)}."
    assert dates == {IOS: [own], "key:other": []}


@pytest.mark.usefixtures("deprecated")
def test_a_long_list_of_made_up_names_is_cut_in_the_event_log() -> None:
    for number in range(life.NAMES_KEPT + 5):
        use_v1(f"client:{number}", later(89))
    change(life.sunset, later(90), is_override=True)
    facts = last().evidence["facts"]
    assert (facts["untold"], facts["unnotified"], len(facts["unproven"])) == ([], [], life.NAMES_KEPT)


@pytest.mark.usefixtures("deprecated")
def test_a_second_person_agrees_to_what_takes_v1_from_a_consumer_and_nobody_to_what_gives_it(
    rollout: Callable[..., None],
) -> None:
    rollout(APPROVAL=True)
    change(life.extend, consumer=IOS, until=END + 2 * DAY_S)
    assert row().lifecycle["extensions"] == {IOS: END + 2 * DAY_S}
    for until in (END + DAY_S, None):
        change(life.extend, consumer=IOS, until=until)
        assert (last().verb, row().request["verb"]) == ("request", "lifecycle extend")  # type: ignore[index]
        change(life.extend, consumer=IOS, until=until, actor=BEN)
        assert row().lifecycle["extensions"].get(IOS) == until
    window = OwnWindow(IOS, AT, AT + HOUR_S)
    change(life.add_own_brownout, own=window, is_override=True)
    change(life.add_own_brownout, own=window._replace(consumer="key:b"), is_override=True, actor=BEN)
    assert row().lifecycle["own_brownouts"] == []
    change(life.add_own_brownout, own=window._replace(consumer="key:b"), is_override=True)
    assert [one[0] for one in row().lifecycle["own_brownouts"]] == ["key:b"]
    change(life.end_brownout, later(0.01))
    assert row().request is None


@pytest.mark.usefixtures("deprecated")
def test_explain_says_until_when_and_why_v1_answers_somebody_after_its_end() -> None:
    change(life.extend, consumer=IOS, until=END + DAY_S, actor="cli:root")
    change(life.sunset, later(1), is_override=True)
    change(services.set_weight, later(2), weight_bp=10_000)
    identity, until = parse_identity(IOS), iso(END + DAY_S)
    expected = {"until": until, "reason": "iOS ships in March", "actor": "cli:root", "actor_name": "root by command"}
    now_s = later(3).timestamp()
    assert account_of(identity, store.refresh(), now_s)["extension"] == expected
    assert "extension" not in account_of(parse_identity("key:other"), store.refresh(), now_s)
    served = explain_at(identity, later(1.5), later(3))
    assert (served["api_version"], served["reason"], served["extension"]) == (1, "extension", expected)
    assert explain_at(parse_identity("key:other"), later(1.5), later(3))["reason"] == "lifecycle_v1_gone"


@pytest.mark.usefixtures("deprecated")
def test_explain_names_the_sunset_that_spared_somebody() -> None:
    use_v1(IOS)
    change(life.sunset, later(1), is_override=True, is_told_only=True, actor="cli:root")
    told = account_of(parse_identity(IOS), store.refresh(), later(2).timestamp())["extension"]
    assert (told["until"], told["actor"]) == (None, "cli:root")
