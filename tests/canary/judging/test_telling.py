"""`analyze` and `report`, by command line and control API."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError
from django.test import Client

from canary.models import ConsumerUsage, Observation, Rollout, Verdict
from cms.models import User
from tests.canary.judging.conftest import Change
from tests.canary.judging.crowd import arrive

Run = Callable[..., str]


def fails_on_v2(number: int, api_version: int) -> bool:
    return number % 20 == 0 if api_version == 2 else number % 100 == 0


def asked(run_canary: Run, *words: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(run_canary(*words, "--json"))
    return result


@pytest.mark.django_db
def test_analyze_without_a_rollout_says_that_there_is_no_data(run_canary: Run) -> None:
    result = asked(run_canary, "analyze")
    assert (result["verdict"], result["reason"], result["evidence"]) == ("no_data", "no_rollout", [])
    assert "no stored rollout" in run_canary("analyze")


def test_analyze_judges_what_no_controller_has_taken_yet_and_changes_nothing(change: Change, run_canary: Run) -> None:
    change("set_weight", weight_bp=1_000)
    arrive(range(2_000), fails_on_v2)
    result = asked(run_canary, "analyze")
    assert (result["verdict"], result["controller"]) == ("harm", None)
    overall = result["evidence"][0]
    assert (overall["metric"], overall["threshold"], overall["is_reached"]) == ("overall", 20, True)
    assert result["numbers"]["error"]["on_v2"] > result["numbers"]["error"]["expected"]
    assert Rollout.objects.get().weight_bp == 1_000
    assert not Verdict.objects.exists()
    assert not Observation.objects.exclude(sequence=None).exists()


def test_analyze_in_words_holds_the_sentence_every_metric_and_who_acts(change: Change, run_canary: Run) -> None:
    change("set_weight", weight_bp=1_000)
    arrive(range(2_200))
    lines = run_canary("analyze").splitlines()
    assert lines[0].startswith("Pass at 10 %")
    shown = "\n".join(lines)
    for part in ("overall", "sample_ratio", "of 1000", "Harmed", "none is running"):
        assert part in shown


def test_a_report_tells_the_weights_and_verdicts_of_its_release_alone(
    change: Change, run_canary: Run, turn: Callable[[], object]
) -> None:
    change("set_weight", weight_bp=300)
    change("start_plan", steps_bp=[1_000, 10_000], min_s=0, is_fresh_cohort=False)
    arrive(range(2_200))
    turn()
    turn()
    result = asked(run_canary, "report")
    assert [(one["weight_bp"], one["verb"]) for one in result["weights"]] == [(1_000, "start"), (10_000, "promote")]
    assert [one["kind"] for one in result["verdicts"]] == ["pass", "no_data"]
    assert result["totals"]["v2"]["requests"] == 0
    assert result["shadow"]["compared"] == 0
    assert [one["weight_bp"] for one in asked(run_canary, "report", "--release", "1")["weights"]] == [300]
    assert "Pass at 10 %" in run_canary("report")


@pytest.mark.parametrize("release", ["0", "3", "99999"])
def test_a_release_that_never_was_has_no_report(
    change: Change, run_canary: Run, release: str, client_of: Callable[[User], Client], make_user: Callable[..., User]
) -> None:
    change("set_weight", weight_bp=300)
    change("start_plan", steps_bp=[1_000, 10_000], min_s=0, is_fresh_cohort=False)
    with pytest.raises(CommandError, match=f"There is no release {release}: releases 1 to 2 have a report."):
        run_canary("report", "--release", release)
    refused = client_of(make_user("admin")).get(f"/canary/api/report?release={release}")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "no-such-release")


@pytest.mark.django_db
def test_a_report_of_consumers_comes_as_json_words_and_a_spreadsheet(run_canary: Run, now: Any) -> None:
    ConsumerUsage.objects.create(
        day=now.date(), kind="client", identifier="=cmd()", route="GET /posts", calls=7, last_seen_at=now
    )
    [consumer] = asked(run_canary, "report", "--consumers")["consumers"]
    assert (consumer["consumer"], consumer["calls"]) == ("client:=cmd()", 7)
    assert "client:=cmd()" in run_canary("report", "--consumers")
    header, line = run_canary("report", "--csv").splitlines()
    assert header.startswith("day,consumer,route,calls")
    assert ",GET /posts,7," in line


def test_the_control_api_reports_to_whoever_may_look(
    make_user: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    admin = client_of(make_user("admin"))
    for verb in ("report", "analyze", "report?consumers=true"):
        response = admin.get(f"/canary/api/{verb}")
        assert response.status_code == 200, response.content
        assert "release" in response.json()
    assert client_of(make_user("editor")).get("/canary/api/report").status_code == 403
