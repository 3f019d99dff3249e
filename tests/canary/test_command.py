"""`manage.py canary`: every verb as an operator types it, what it prints and how it ends."""

import json
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from canary.conf import secret_for
from canary.core.chain import GENESIS, event_hash, seal
from canary.models import Rollout, RolloutEvent
from canary.services.changing import event_columns
from tests.databases import copied_database, process_env
from tests.servers import ROOT, clean_environment, manage

Run = Callable[..., str]
ENV = {"SECRET_KEY": "only-for-tests-0123456789-0123456789-0123456789", "DATABASE_URL": "sqlite:////nonexistent/x.db"}
WHY = ("--reason", "for the test")


@pytest.fixture
def status_after(run_canary: Run) -> Callable[..., dict[str, Any]]:
    """The status object that a change prints."""
    return lambda *arguments: json.loads(run_canary(*arguments, *WHY, "--json"))


def refused(*arguments: str) -> tuple[str, dict[str, Any]]:
    """The sentence and, with --json, the object of a command that ends with 1."""
    printed = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("canary", *arguments, "--json", stdout=printed)
    assert caught.value.returncode == 1
    return str(caught.value), json.loads(printed.getvalue())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("history", "--verify"),
        ("whatif", "25"),
        ("power", "--plan", "10,50"),
        ("explain", "user:1"),
        ("allow", "list"),
        ("exclude", "list"),
    ],
    ids="-".join,
)
def test_after_migrate_every_question_is_answered_without_a_start(run_canary: Run, arguments: tuple[str, ...]) -> None:
    assert run_canary(*arguments)
    assert isinstance(json.loads(run_canary(*arguments, "--json")), dict)
    assert not Rollout.objects.exists()


@pytest.mark.django_db
def test_after_migrate_every_change_works_without_a_start(status_after: Callable[..., dict[str, Any]]) -> None:
    assert status_after("allow", "add", "user:1")["version"] == 1
    assert status_after("set", "12.5")["weight_bp"] == 1_250
    assert status_after("rollback")["latched"]
    assert not status_after("ack")["latched"]


@pytest.mark.django_db
def test_a_plan_is_started_paused_resumed_and_promoted(status_after: Callable[..., dict[str, Any]]) -> None:
    plan = status_after("start", "--plan", "10,50,100", "--min-minutes", "0.5")["plan"]
    assert (plan["steps_bp"], plan["step"], plan["state"], plan["min_s"]) == ([1_000, 5_000, 10_000], 0, "running", 30)
    assert status_after("pause")["plan"]["state"] == "paused"
    assert status_after("resume")["plan"]["state"] == "running"
    assert status_after("promote")["weight_bp"] == 5_000
    assert status_after("set", "60")["plan"]["state"] == "paused"
    assert status_after("rollback")["plan"] is None


@pytest.mark.django_db
def test_a_start_without_a_plan_takes_the_four_weeks(status_after: Callable[..., dict[str, Any]]) -> None:
    plan = status_after("start")["plan"]
    assert (plan["steps_bp"], plan["min_s"]) == ([1_000, 5_000, 9_000, 10_000], 7 * 24 * 3600)
    assert (plan["max_errors_bp"], plan["max_slowdown"]) == (200, 3.0)


@pytest.mark.django_db
def test_a_start_declares_what_rolls_it_back(status_after: Callable[..., dict[str, Any]]) -> None:
    plan = status_after("start", "--max-errors", "0.5", "--max-slowdown", "2")["plan"]
    assert (plan["max_errors_bp"], plan["max_slowdown"]) == (50, 2.0)


@pytest.mark.django_db
def test_a_fresh_cohort_draws_a_new_salt(status_after: Callable[..., dict[str, Any]], run_canary: Run) -> None:
    status_after("start", "--plan", "10")
    before = Rollout.objects.get().salt
    status_after("rollback")
    status_after("ack")
    status_after("start", "--plan", "10", "--fresh-cohort")
    assert Rollout.objects.get().salt != before
    assert before not in run_canary("history", "--json") + run_canary("status", "--json")


@pytest.mark.django_db
def test_lists_are_kept_with_who_and_why(run_canary: Run, status_after: Callable[..., dict[str, Any]]) -> None:
    status_after("allow", "add", "client:ü:1")
    status_after("exclude", "add", "user:2")
    (entry,) = json.loads(run_canary("allow", "list", "--json"))["entries"]
    assert (entry["identity"], entry["reason"]) == ("client:ü:1", "for the test")
    assert entry["actor"].startswith("cli:")
    status_after("allow", "remove", "client:ü:1")
    assert run_canary("allow", "list") == "The allow list is empty.\n"
    assert "user:2" in run_canary("exclude", "list")


@pytest.mark.django_db
def test_while_latched_changes_are_refused_with_the_current_state(status_after: Callable[..., dict[str, Any]]) -> None:
    latched = status_after("rollback")
    for arguments in (("set", "5"), ("start",), ("promote",)):
        sentence, told = refused(*arguments, *WHY)
        assert "acknowledges" in sentence
        assert told["error"] == sentence
        assert (told["current"]["version"], told["current"]["latched"]) == (latched["version"], True)


@pytest.mark.django_db
def test_another_version_than_the_expected_one_is_a_conflict(status_after: Callable[..., dict[str, Any]]) -> None:
    status_after("set", "5", "--expected-version", "0")
    sentence, told = refused("set", "6", *WHY, "--expected-version", "0")
    assert "at version 1" in sentence
    assert (told["current"]["version"], told["current"]["weight_bp"]) == (1, 500)
    assert status_after("rollback", "--expected-version", "0")["latched"]  # never loses a race


@pytest.mark.django_db
def test_history_tells_who_changed_what_and_why(run_canary: Run, status_after: Callable[..., dict[str, Any]]) -> None:
    status_after("set", "5")
    run_canary("set", "7.5", "--reason", "two\nlines")
    newest, first = json.loads(run_canary("history", "--json"))["events"]
    assert (first["verb"], first["before"]["weight_bp"], first["after"]["weight_bp"]) == ("set", 0, 500)
    assert (newest["version"], newest["reason"]) == (2, "two\nlines")
    assert [event["version"] for event in json.loads(run_canary("history", "--limit", "1", "--json"))["events"]] == [2]
    assert "5 % -> 7.5 %" in run_canary("history").splitlines()[0]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("harm", "broken_at"),
    [
        (lambda: RolloutEvent.objects.filter(version=2).update(reason="something else"), 2),
        (lambda: RolloutEvent.objects.filter(version=2).delete(), 2),
        (lambda: RolloutEvent.objects.filter(version=3).delete(), 3),
        (lambda: RolloutEvent.objects.all().delete(), 1),
        (lambda: Rollout.objects.update(weight_bp=9_999), 3),
        (lambda: Rollout.objects.update(version=2), 3),
        (lambda: (RolloutEvent.objects.filter(version=3).delete(), Rollout.objects.update(version=2)), 2),
    ],
    ids=["changed", "removed", "cut-off", "emptied", "another row", "an older row", "cut-off with its row"],
)
def test_verify_finds_a_log_that_was_tampered_with(
    status_after: Callable[..., dict[str, Any]], run_canary: Run, harm: Callable[[], Any], broken_at: int
) -> None:
    for percent in ("1", "2", "3"):
        status_after("set", percent)
    assert "3 events are as they were written" in run_canary("history", "--verify")
    harm()
    sentence, told = refused("history", "--verify")
    assert f"version {broken_at}" in sentence
    assert {name: told["chain"][name] for name in ("is_whole", "broken_at", "events")} == {
        "is_whole": False,
        "broken_at": broken_at,
        "events": RolloutEvent.objects.count(),
    }


@pytest.mark.django_db
def test_whoever_hashes_the_log_anew_without_the_key_is_found(
    status_after: Callable[..., dict[str, Any]], run_canary: Run
) -> None:
    for percent in ("1", "2", "3"):
        status_after("set", percent)
    rehash(from_version=2, reason="nobody did this")
    sentence, told = refused("history", "--verify")
    assert "sealed the events at version 2 to 3." in sentence
    assert (told["chain"]["broken_at"], told["chain"]["sealed"], told["chain"]["doubtful"]) == (None, 1, [2, 3])


@pytest.mark.django_db
def test_a_log_that_an_older_release_began_is_whole(
    status_after: Callable[..., dict[str, Any]], run_canary: Run
) -> None:
    status_after("set", "1")
    RolloutEvent.objects.update(seal="")
    assert "All 1 events are as they were written, none of them sealed." in run_canary("history", "--verify")
    status_after("set", "2")
    assert "All 2 events are as they were written, 1 of them sealed." in run_canary("history", "--verify")


@pytest.mark.django_db
def test_the_log_is_whole_under_an_earlier_key_and_doubtful_without_it(
    status_after: Callable[..., dict[str, Any]], run_canary: Run, settings: Settings
) -> None:
    status_after("set", "1")
    earlier, settings.SECRET_KEY = settings.SECRET_KEY, "another key, of thirty-two characters or more"
    status_after("set", "2")
    settings.SECRET_KEY_FALLBACKS = [earlier]
    assert "2 of them sealed" in run_canary("history", "--verify")
    settings.SECRET_KEY_FALLBACKS = []
    assert refused("history", "--verify")[1]["chain"]["doubtful"] == [1]


@pytest.mark.django_db
def test_a_head_that_was_kept_vouches_for_what_was_written_until_then(
    status_after: Callable[..., dict[str, Any]], run_canary: Run
) -> None:
    assert run_canary("history", "--head") == f"0:{'0' * 64}\n"
    for percent in ("1", "2"):
        status_after("set", percent)
    RolloutEvent.objects.filter(version=2).update(seal="")
    head = run_canary("history", "--head").strip()
    assert head == json.loads(run_canary("history", "--head", "--json"))["head"]
    assert refused("history", "--verify")[1]["chain"]["doubtful"] == [2]
    status_after("set", "3")
    assert "as they were written" in run_canary("history", "--against", head)
    rehash(from_version=1, reason="nobody did this", is_sealed=True)
    assert "as they were written" in run_canary("history", "--verify")  # by somebody who has the key
    assert f"doesn't contain {head}" in refused("history", "--against", head)[0]


def rehash(*, from_version: int, reason: str, is_sealed: bool = False) -> None:
    """Change an event and write all hashes after it anew, as whoever may write to the database can."""
    RolloutEvent.objects.filter(version=from_version).update(reason=reason)
    previous = RolloutEvent.objects.filter(version=from_version - 1).values_list("hash", flat=True).first()
    for event in RolloutEvent.objects.filter(version__gte=from_version).order_by("version"):
        event.previous_hash = previous or GENESIS
        event.hash = previous = event_hash(event_columns(event))
        event.seal = seal(event.hash, secret_for("canary-chain")) if is_sealed else event.seal
        event.save()


@pytest.mark.parametrize("words", ["report", "status --json"])
def test_a_reader_that_goes_early_leaves_no_traceback_in_any_project(
    template_of: Callable[[str], str], tmp_path: Path, words: str
) -> None:
    with copied_database(template_of("sqlite"), tmp_path) as url:
        env = clean_environment({**process_env(url), "DJANGO_SETTINGS_MODULE": "cms.settings"})
        piped = f"set -o pipefail; {sys.executable} -m django canary {words} | true"
        done = subprocess.run(["bash", "-c", piped], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.django_db
def test_what_a_terminal_shows_can_not_move_its_cursor(run_canary: Run) -> None:
    run_canary("set", "5", "--reason", "red \x1b[31m alert")
    assert "\x1b" not in run_canary("history", "--verify") + run_canary("allow", "list")


@pytest.mark.parametrize(
    "arguments",
    [
        *(("set", "5"), ("rollback",), ("ack",), ("start",), ("pause",), ("resume",), ("promote",)),
        *(("allow", "add", "user:1"), ("exclude", "remove", "user:1")),
        *(("set", "101", *WHY), ("set", "1e1", *WHY), ("set", "5", "--reason", " "), ("set", *WHY)),
        *(
            ("start", "--plan", "50,10", *WHY),
            ("start", "--min-minutes", "-1", *WHY),
            ("start", "--max-errors", "51", *WHY),
            ("allow", "add", "bob", *WHY),
        ),
        *(("whatif", "x"), ("explain", "robot:1"), ("allow",), ("no-such-verb",), ()),
        *(("history", "--against", "5"), ("differences", "accept", "--route", "GET /posts", *WHY)),
    ],
    ids=lambda arguments: "-".join(arguments)[:30] or "nothing",
)
def test_wrong_usage_is_found_before_any_database_is_asked(arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="Error: "):  # exit code 2 on a command line
        call_command("canary", *arguments)


def test_processes_end_with_2_for_usage_and_1_without_a_database() -> None:
    usage = manage("canary", "set", "5", env=ENV)
    assert (usage.returncode, usage.stdout) == (2, "")
    assert "--reason" in usage.stderr
    for verb in (("status",), ("set", "5", *WHY), ("rollback", *WHY), ("history",), ("whatif", "5")):
        done = manage("canary", *verb, "--json", env=ENV)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        told = json.loads(done.stdout)
        assert told["error"] in done.stderr
        assert told["current"] is None


@pytest.mark.parametrize(
    ("conf", "sentence"),
    [({}, "Add CANARY = "), ({"ARMS": {1: "a", 2: "b"}, "IDENTIFY": "shop.nobody"}, "shop")],
)
def test_settings_that_lack_something_end_every_verb_with_a_sentence(
    settings: Settings, run_canary: Run, conf: dict[str, Any], sentence: str
) -> None:
    settings.CANARY = conf
    with pytest.raises(CommandError, match=rf"{sentence}.*`manage.py check` names all that is missing"):
        run_canary("doctor")
