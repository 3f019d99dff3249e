"""The next journey on the same tables: processes of two deployments beside each other, and nothing mixed of the two."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.test import Client

from canary import services
from canary.checks.parts import check_journey
from canary.core.lifecycle import ACTIVE, life_from
from canary.core.names import Names
from canary.core.notices import notice_of
from canary.core.values import Identity
from canary.errors import Refused
from canary.judging.controller import Controller
from canary.metrics.exposition import exposition
from canary.models import AcceptedDifference, ConsumerUsage, ListEntry, Rollout, RolloutEvent, Worker
from canary.notices.choosing import change_of
from canary.recording import flushing
from canary.reporting.doctor import examine
from canary.reporting.explaining import explain_at
from canary.reporting.history import check_log
from canary.retiring.usage import last_call_at, notified_since, recent_callers, recent_calls, usage_by_consumer
from canary.services import life
from canary.services.differences import accepted_differences
from canary.state import store
from canary.state.status import status
from tests.canary.seeing import fresh_recorder

NOW = datetime.datetime(2026, 12, 1, 12, tzinfo=datetime.UTC)
ARMS = {str(number): f"tests.canary.arm_urls_v{number}" for number in (1, 2, 3)}
OLD: dict[str, Any] = {"ARMS": {1: ARMS["1"], 2: ARMS["2"]}}
NEW: dict[str, Any] = {"STABLE": "2", "CANDIDATE": "3", "ARMS": {"2": ARMS["2"], "3": ARMS["3"]}}
CLIENTS = [f"c{number}" for number in range(40)]

pytestmark = pytest.mark.django_db


def change(service: Callable[..., Any], **arguments: Any) -> Any:
    words = {"actor": "user:1", "reason": "a plan", "expected_version": None, "now": NOW}
    return service(**{**words, **arguments})


@pytest.fixture
def process(rollout: Callable[..., None]) -> Iterator[Callable[..., None]]:
    """`process(NEW)`: from now on this is a server process of that deployment, which has just read the rollout."""

    def become(deployment: dict[str, Any], **more: Any) -> None:
        rollout(None, **{**deployment, **more})
        store.forget()
        store.refresh()

    with fresh_recorder():
        become(OLD)
        yield become
    store.forget()


@pytest.fixture
def ended(process: Callable[..., None]) -> None:
    """All clients are on v2, and v1 is out of service."""
    change(services.set_weight, weight_bp=10_000)
    end_v1()


def end_v1() -> None:
    change(life.deprecate, sunset_at=int(NOW.timestamp()), is_override=True)
    change(life.sunset, is_override=True)


def answers(path: str = "/api/x", **headers: str) -> set[tuple[int, int | None, str | None]]:
    """Return what all clients get: status, arm, API-Version."""
    found = set()
    for client in CLIENTS:
        response = Client().get(path, headers={"x-client-id": client, **headers})
        found.add((response.status_code, response.json().get("arm"), response.headers.get("API-Version")))
    return found


def test_before_the_next_journey_old_and_new_processes_answer_each_path_by_the_right_code(
    ended: None, process: Callable[..., None]
) -> None:
    for deployment in (OLD, NEW):
        process(deployment)
        assert answers() == {(200, 2, "2")}
        assert answers("/api/v1/x") == answers(API_Version="1") == {(410, None, None)}
        assert answers("/api/v2/x") == answers(API_Version="2") == {(200, 2, "2")}
        assert answers("/api/v3/x") == {(404, None, None)}
        assert answers(API_Version="3") == {(400, None, None)}


def test_after_it_a_process_of_the_old_deployment_leads_nobody_to_the_wrong_code(
    ended: None, process: Callable[..., None]
) -> None:
    process(NEW)
    change(services.advance)
    change(services.set_weight, weight_bp=5_000)
    process(NEW)
    assert answers() == {(200, 2, "2"), (200, 3, "3")}
    assert answers("/api/v3/x") == answers(API_Version="3") == {(200, 3, "3")}
    assert answers("/api/v1/x") == {(404, None, None)}
    process(OLD)
    assert answers() == answers("/api/v2/x") == answers(API_Version="2") == {(200, 2, "2")}
    assert answers("/api/v1/x") == answers("/api/v3/x") == {(404, None, None)}


def test_settings_that_come_too_early_end_no_version_that_other_processes_serve(process: Callable[..., None]) -> None:
    change(services.set_weight, weight_bp=2_000)
    process(NEW)
    assert answers() == {(200, 2, "2")}
    assert answers("/api/v3/x") == {(404, None, None)}
    process(OLD)
    assert answers() == {(200, 1, "1"), (200, 2, "2")}


def test_settings_of_a_far_journey_answer_by_their_stable_version_alone(process: Callable[..., None]) -> None:
    change(services.set_weight, weight_bp=10_000)
    process({"STABLE": "5", "CANDIDATE": "3", "ARMS": {"5": ARMS["2"], "3": ARMS["3"]}})
    assert answers() == {(200, 2, "5")}
    assert store.current_snapshot().release == 0  # evidence for no release


def test_the_journey_begins_at_nothing_and_nobody_moves(ended: None, process: Callable[..., None]) -> None:
    change(services.add_to_list, list="allow", identity=Identity("client", "c1"))
    before = Rollout.objects.get(pk=1)
    process(NEW)
    change(services.advance)
    row = Rollout.objects.get(pk=1)
    assert (row.names, row.weight_bp, row.release) == (Names("2", "3"), 0, before.release + 1)
    assert (row.journey_release, row.journey_at, life_from(row.lifecycle).state) == (row.release, NOW, ACTIVE)
    assert row.salt != before.salt
    assert not ListEntry.objects.exists()
    process(NEW)
    assert answers() == {(200, 2, "2")}
    assert check_log().is_whole


@pytest.mark.parametrize(
    ("deployment", "code", "part"),
    [
        (OLD, "same-names", "still name v1 and v2"),
        ({"STABLE": "4", "CANDIDATE": "5", "ARMS": {"4": ARMS["1"], "5": ARMS["2"]}}, "other-names", "begins at v2"),
        (NEW | {"ARMS": {"2": ARMS["2"]}}, "no-arms", "needs the URLconfs of v2 and v3"),
        (NEW | {"IS_STABLE_ENABLED": False}, "no-arms", "needs the URLconfs of v2 and v3"),
    ],
)
def test_it_does_not_begin_by_wrong_settings(
    ended: None, process: Callable[..., None], deployment: dict[str, Any], code: str, part: str
) -> None:
    process(deployment)
    with pytest.raises(Refused, match=part) as refused:
        change(services.advance)
    assert refused.value.code == code


def test_it_does_not_begin_while_v1_answers(process: Callable[..., None]) -> None:
    change(services.set_weight, weight_bp=10_000)
    process(NEW)
    with pytest.raises(Refused, match="v1 is active, and `lifecycle sunset` ends it"):
        change(services.advance)


def test_it_does_not_begin_while_v1_answers_one_consumer(ended: None, process: Callable[..., None]) -> None:
    until = int(NOW.timestamp()) + 3_600
    change(life.extend, consumer="user:7", until=until)
    process(NEW)
    with pytest.raises(Refused, match=r"v1 still answers user:7, by an extension\. End it"):
        change(services.advance)
    change(services.advance, now=NOW + datetime.timedelta(hours=1))


def test_it_does_not_begin_beside_a_process_of_the_old_deployment(ended: None, process: Callable[..., None]) -> None:
    process(NEW)
    Worker.objects.create(name="old:1", version=3, names="1 2", seen_at=NOW)
    Worker.objects.create(name="new:1", version=3, names="2 3", seen_at=NOW)
    with pytest.raises(Refused, match=r"other names: old:1\. Deploy"):
        change(services.advance)
    change(services.advance, now=NOW + datetime.timedelta(seconds=31))


@pytest.mark.parametrize("deployment", [NEW, OLD])
def test_between_journeys_every_other_change_is_refused_with_what_to_do(
    ended: None, process: Callable[..., None], deployment: dict[str, Any], run_canary: Callable[..., str]
) -> None:
    process(NEW)
    if deployment is OLD:
        change(services.advance)
        process(OLD)
    todo = "`lifecycle advance` begins" if deployment is NEW else "deploy those of the present one"
    for words in (["set", "5"], ["pause"], ["rollback"], ["lifecycle", "restore"], ["allow", "add", "user:1"]):
        with pytest.raises(CommandError, match=todo):
            run_canary(*words, "--reason", "a test")
    services.apply_build("another", NOW)
    services.apply_environment(500, NOW)
    row = Rollout.objects.get(pk=1)
    assert (row.build, row.environment_seen_bp) == ("another", None)
    assert todo in status(NOW)["between_journeys"]
    assert todo in run_canary("status")


def test_a_controller_of_another_journey_leaves_the_lead_to_those_of_this_one(
    ended: None, process: Callable[..., None]
) -> None:
    controller = Controller(lambda: NOW)
    assert controller.lead()
    process(NEW)
    assert not controller.lead()
    change(services.advance)
    assert controller.lead()
    process(OLD)
    assert not controller.lead()
    process(NEW)
    assert Controller(lambda: NOW).lead()  # at once: the other one has given its lease back


def test_the_past_is_told_in_its_own_names(ended: None, process: Callable[..., None]) -> None:
    who = Identity("client", "c1")
    process(NEW)
    change(services.advance, now=NOW + datetime.timedelta(hours=1))
    change(services.set_weight, weight_bp=10_000, now=NOW + datetime.timedelta(hours=2))
    told = [
        explain_at(who, NOW + datetime.timedelta(hours=hours), NOW + datetime.timedelta(hours=4))
        for hours in (0.5, 1.5, 3)
    ]
    assert [one["api_version"] for one in told] == [2, 2, 3]
    assert [one["reason"] for one in told] == ["lifecycle_v1_gone", "bucket", "bucket"]
    assert RolloutEvent.objects.get(verb="lifecycle advance").before["names"] == {"stable": "1", "candidate": "2"}


def test_no_usage_notice_or_accepted_difference_of_the_old_journey_counts(
    ended: None, process: Callable[..., None]
) -> None:
    for days in (0, 3):
        at = NOW - datetime.timedelta(days=days)
        ConsumerUsage.objects.create(day=at.date(), kind="user", identifier="7", route="GET /x", last_seen_at=at)
    AcceptedDifference.objects.create(route="GET /x", path="", kind="value", accepted_at=NOW)
    assert last_call_at() is not None
    process(NEW)
    began_at = NOW + datetime.timedelta(minutes=1)
    change(services.advance, now=began_at)
    assert (last_call_at(), recent_callers(began_at), recent_calls(began_at)) == (None, {}, (0, 0))
    assert (usage_by_consumer(now=began_at, deprecated_at=None), notified_since(None)) == ([], {})
    assert not accepted_differences()


def test_versions_may_be_called_by_dates(process: Callable[..., None], rollout: Callable[..., None]) -> None:
    dates = {"STABLE": "2026-01", "CANDIDATE": "2026-07", "ARMS": {"2026-01": ARMS["1"], "2026-07": ARMS["2"]}}
    rollout(10_000, **dates)
    store.forget()
    response = Client().get("/api/x?page=2")
    assert response.headers["Content-Location"] == "/api/v2026-07/x?page=2"
    assert Client().get("/api/v2026-01/x").json()["arm"] == 1
    assert Client().get("/api/v2025-07/x").status_code == 404
    assert Client().get("/api/x", headers={"api-version": "2026-01"}).headers["API-Version"] == "2026-01"


@pytest.fixture
def second(ended: None, process: Callable[..., None]) -> None:
    """In the second journey, all clients are on v3, and v2 is deprecated."""
    process(NEW)
    change(services.advance)
    change(services.set_weight, weight_bp=10_000)
    change(life.deprecate, sunset_at=int(NOW.timestamp()), is_override=True)
    process(NEW)


def test_clients_read_the_names_in_force(second: None, process: Callable[..., None]) -> None:
    assert "Deprecation" in Client().get("/api/v2/x").headers
    assert "Deprecation" not in Client().get("/api/v3/x").headers
    assert Client().get("/api/x", headers={"api-version": "1"}).json()["detail"].endswith("API-Version are 2 and 3.")
    change(life.sunset, is_override=True)
    process(NEW)
    gone = Client().get("/api/v2/x").json()
    assert gone["type"].endswith("api-v2-gone")
    assert (gone["title"], gone["status"]) == ("API v2 is gone", 410)
    assert gone["detail"] == "API v2 is no longer in service; API v3 answers at its own path."
    assert Client().get("/api/v4/x").json()["detail"] == "This path names no version in service: v3."
    assert answers() == {(200, 3, "3")}


def test_operators_read_the_names_in_force(second: None, run_canary: Callable[..., str]) -> None:
    assert "100 % of identities are answered by v3.\n" in run_canary("status")
    assert "v2 is deprecated.\n" in run_canary("lifecycle", "status")
    assert "In the way of `sunset`: No brownout was held, so it is not known" in run_canary("lifecycle", "status")
    assert "is answered by v3" in run_canary("explain", "user:1")
    assert "would move to v2" in run_canary("whatif", "5")
    assert "v3 has 100 % now; v2 is deprecated" in run_canary("report").replace("since", "")
    with pytest.raises(Refused, match="it is not known who still depends on v2"):
        change(life.sunset)
    event = RolloutEvent.objects.get(verb="set", after__names__stable="2")
    assert notice_of(change_of(event), "").title.startswith("v3 0 % → 100 %: step taken")


def test_metrics_are_labelled_with_the_names_in_force(second: None) -> None:
    Client().get("/api/x")
    flushing.outbox.sum_up()
    told = exposition(None, [flushing.outbox.tally.totals.dump()]).decode()
    assert 'canary_requests_total{route="(unknown)",status_class="2xx",version="3"} 1.0' in told
    assert 'canary_hangs_total{version="2"} 0.0' in told
    assert 'version="1"' not in told


def test_the_checks_say_that_the_settings_are_those_of_another_journey(
    ended: None, process: Callable[..., None]
) -> None:
    assert check_journey(databases=["default"]) == []
    process(NEW)
    [warning] = check_journey(databases=["default"])
    assert (warning.id, "`lifecycle advance` begins" in warning.msg) == ("canary.W008", True)
    assert check_journey() == []
    found = {finding.part: finding for finding in examine(None, NOW)}
    assert not found["journey"].is_well
