"""`crossover start`, `stop` and `status`: whose, how long, and what is said of each consumer."""

import datetime
import json
import re
from collections.abc import Callable

import pytest
from django.core.management import CommandError

from canary.models import CrossoverCount, ListEntry, Rollout, SeenIdentity

pytestmark = pytest.mark.django_db
Run = Callable[..., str]
AT = r"[0-9-]{10}T[0-9:]{8}"
WHY = ("--reason", "for the test")


def see(now: datetime.datetime, *names: str, days: float = 1) -> None:
    at = now - datetime.timedelta(days=days)
    pairs = (name.split(":") for name in names)
    SeenIdentity.objects.bulk_create(SeenIdentity(kind=kind, identifier=id, last_seen_at=at) for kind, id in pairs)


@pytest.fixture
def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def test_without_names_it_is_about_all_that_were_seen_lately(run_canary: Run, now: datetime.datetime) -> None:
    see(now, "key:ab12", "client:erp", "user:42", "anon:9f", "user:7")
    see(now, "client:old", days=8)
    ListEntry.objects.create(list="allow", kind="user", identifier="7", actor="t", reason="t", added_at=now)
    told = json.loads(run_canary("crossover", "start", *WHY, "--json"))
    assert told["crossover"]["consumers"] == ["client:erp", "key:ab12", "user:42"]
    assert (told["crossover"]["state"], told["crossover"]["period_s"], told["crossover"]["periods"]) == (
        "begins",
        3_600.0,
        20,
    )
    assert "The crossover of 3 consumers runs until " in run_canary("status")


def test_it_takes_names_and_times(run_canary: Run, now: datetime.datetime) -> None:
    see(now, "key:ab12", "client:erp")
    run_canary(
        "crossover", "start", "--consumers", "client:erp,key:ab12", "--period-minutes", "0.05", "--pairs", "4", *WHY
    )
    stored = Rollout.objects.get().crossover
    assert stored is not None
    assert (stored["consumers"], stored["period_s"], stored["pairs"]) == (["client:erp", "key:ab12"], 3.0, 4)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ("anon:9f", "'anon:9f' is not a consumer; allowed is KIND:ID with KIND one of user, key, client."),
        ("robot:1", "'robot:1' is not an identity; allowed is KIND:ID"),
        ("key:ab12,key:typo", "Not seen on the entrance in the last 7 days: key:typo."),
        ("key:ab12,key:ab12", "A consumer is named twice."),
    ],
)
def test_other_names_are_refused(run_canary: Run, now: datetime.datetime, names: str, sentence: str) -> None:
    see(now, "key:ab12")
    with pytest.raises(CommandError, match=re.escape(sentence)):
        run_canary("crossover", "start", "--consumers", names, *WHY)
    assert not Rollout.objects.exists()


def test_a_site_of_fifty_consumers_or_none_is_refused(run_canary: Run, now: datetime.datetime) -> None:
    with pytest.raises(CommandError, match="No user, key or client has used the entrance"):
        run_canary("crossover", "start", *WHY)
    see(now, *(f"user:{number}" for number in range(50)))
    with pytest.raises(CommandError, match="More than 49 consumers have used the entrance"):
        run_canary("crossover", "start", *WHY)
    SeenIdentity.objects.first().delete()  # type: ignore[union-attr]
    run_canary("crossover", "start", *WHY)


def test_status_tells_the_number_the_next_action_and_each_consumer(run_canary: Run, now: datetime.datetime) -> None:
    assert run_canary("crossover", "status").splitlines() == [
        "This release has no crossover.",
        "`canary crossover start` begins one, at 0 % and without a plan.",
    ]
    see(now, "key:ab12")
    run_canary("crossover", "start", "--pairs", "4", *WHY)
    begun = Rollout.objects.get()
    CrossoverCount.objects.create(release=begun.release, place=0, period=0, api_version=2, requests=80, failures=4)
    CrossoverCount.objects.create(release=begun.release, place=0, period=1, api_version=1, requests=1, failures=0)
    assert begun.crossover is not None
    begun.crossover["started_at"] -= 2.5 * 3_600
    begun.save()
    lines = run_canary("crossover", "status").splitlines()
    assert lines[0].startswith("Crossover after 1 of 4 pairs of periods of 1 consumer: no harm so far: v2 failed more")
    assert lines[1] == "Nothing to do: it ends by itself, and harm by v2 rolls it back."
    assert re.fullmatch(rf"Period 3 of 8, 60 min each, from {AT} to {AT} UTC\.", lines[2])
    assert lines[3] == (
        "  key:ab12: running; v2 failed 4 of 80 requests, v1 failed 0 of 1 request; v2 was worse in 1 pair and better in 0"
        " (p = 0.5)"
    )
    assert json.loads(run_canary("crossover", "status", "--json"))["verdict"]["consumers"][0]["against"] == 1


def test_one_that_is_stopped_says_what_may_follow(run_canary: Run, now: datetime.datetime) -> None:
    see(now, "key:ab12")
    run_canary("crossover", "start", *WHY)
    assert re.search(
        rf"^20 periods of 60 min, from {AT} to {AT} UTC\.$", run_canary("crossover", "status"), re.MULTILINE
    )
    assert "The crossover of 1 consumer has ended: stopped." in run_canary("crossover", "stop", *WHY)
    ended_at = datetime.datetime.fromtimestamp((Rollout.objects.get().crossover or {})["ended_at"], datetime.UTC)
    _, following, periods, *_ = run_canary("crossover", "status").splitlines()
    assert following == "Start another one, or a plan."
    assert periods.endswith(f" to {ended_at.isoformat():.19} UTC.")
    with pytest.raises(CommandError, match="No crossover is running"):
        run_canary("crossover", "stop", *WHY)
