"""`canary lifecycle …` on the command line and in the control API."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError
from django.test import Client

from canary.core.instants import parse_instant
from canary.models import ConsumerUsage, Rollout, RolloutEvent
from canary.state import store
from cms.models import User

WHY = ("--reason", "a plan", "--json")
END = "2099-06-01"
type Run = Callable[..., str]


@pytest.fixture
def run(run_canary: Run, rollout: Callable[..., None], db: None) -> Callable[..., Any]:
    """`run("lifecycle", "sunset")`: the JSON that is printed."""
    rollout(
        ARMS={1: "tests.canary.arm_routes_v1", 2: "tests.canary.arm_urls_v2"},
        NOTIFY_CONSUMERS="tests.canary.consumers.notify_consumers",
    )
    return lambda *words: json.loads(run_canary(*words, *WHY))


def last_event() -> RolloutEvent:
    return RolloutEvent.objects.order_by("-version")[0]


def test_the_whole_life_by_commands(run: Callable[..., Any]) -> None:
    done = run("lifecycle", "deprecate", "--sunset", END, "--override")
    assert (done["lifecycle"], done["life"]["sunset_at"]) == ("deprecated", parse_instant(END))
    assert (
        run("lifecycle", "brownout", "add", "2026-01-01", "2099-01-01T00:00Z", "--override")["lifecycle"] == "brownout"
    )
    assert run("lifecycle", "brownout", "end")["lifecycle"] == "brownout"
    assert run("lifecycle", "sunset", "--override")["lifecycle"] == "sunset"
    back = run("lifecycle", "restore")
    assert back["lifecycle"] in ("brownout", "deprecated")  # of a window without a second nothing was held
    assert back["life"]["sunset_at"] == parse_instant(END)
    assert last_event().verb == "lifecycle restore"
    assert last_event().actor.startswith("cli:")


def test_restoring_says_which_end_is_announced(run_canary: Run, run: Callable[..., Any], now: Any) -> None:
    run("lifecycle", "deprecate", "--sunset", END, "--override")
    run("lifecycle", "sunset", "--override")
    assert f"Its sunset is announced for {END}T00:00:00Z." in run_canary(
        "lifecycle", "restore", "--reason", "too early"
    )
    row = Rollout.objects.get(pk=1)
    row.lifecycle["sunset_at"] = int(now.timestamp()) - 5
    row.lifecycle["deprecated_at"] = int(now.timestamp()) - 9
    row.save()
    run("lifecycle", "sunset", "--override")
    assert "`deprecate --sunset DATE` announces another" in run_canary("lifecycle", "restore", "--reason", "too late")
    assert "v1 can't be sunset" in run_canary("lifecycle", "status")


def test_guards_are_refused_with_exit_1_and_the_state(run_canary: Run, run: Callable[..., Any]) -> None:
    with pytest.raises(CommandError, match="100 % for 7 days") as refused:
        run_canary("lifecycle", "deprecate", "--sunset", END, "--reason", "too early")
    assert refused.value.returncode == 1
    assert str(refused.value).endswith("`--override` skips this, and is recorded.")
    assert not Rollout.objects.filter(version__gt=0).exists()


@pytest.mark.parametrize(
    "words",
    [
        ("lifecycle", "deprecate", "--sunset", "soon"),
        ("lifecycle", "deprecate"),
        ("lifecycle", "brownout", "add", "2099-01-01"),
        ("lifecycle", "brownout", "add", "2099-01-01", "01.02.2099"),
        ("lifecycle",),
    ],
    ids=" ".join,
)
def test_what_is_no_command_is_a_matter_of_usage(
    run_canary: Run, run: Callable[..., Any], words: tuple[str, ...]
) -> None:
    with pytest.raises(CommandError):
        run_canary(*words, *WHY)
    with pytest.raises(CommandError, match="--reason"):
        run_canary("lifecycle", "restore")


def test_notify_says_who_was_reached(run: Callable[..., Any], run_canary: Run, now: Any) -> None:
    for kind, name in (("key", "ab12"), ("client", "app")):
        ConsumerUsage.objects.create(
            day=now.date(), kind=kind, identifier=name, route="GET /things", calls=1, last_seen_at=now
        )
    assert run("lifecycle", "notify")["notified"] == {"key:ab12": "mailed", "client:app": "no_address"}
    said = run_canary("lifecycle", "notify", "--reason", "again")
    assert said.splitlines() == ["A list of calls is mailed to 1 consumer.", "No address is known for client:app."]


def test_status_says_what_the_next_step_lacks(run: Callable[..., Any], run_canary: Run) -> None:
    known = json.loads(run_canary("lifecycle", "status", "--json"))
    assert (known["lifecycle"], known["next"]) == ("active", "deprecate")
    run("lifecycle", "deprecate", "--sunset", END, "--override")
    said = run_canary("lifecycle", "status")
    assert "Sunset at 2099-06-01T00:00:00Z." in said
    assert "In the way of `sunset`: The announced date 2099-06-01T00:00:00Z is still to come." in said
    run("lifecycle", "sunset", "--override")
    gone = json.loads(run_canary("lifecycle", "status", "--json"))
    assert (gone["lifecycle"], gone["next"], gone["unmet"]) == ("sunset", None, [])


def test_calls_that_no_sunset_waits_for_are_said_before_it_and_after_it(
    run: Callable[..., Any], run_canary: Run, now: Any
) -> None:
    said = "Calls of v1 without a proven name in the last 14 days: 1,204 of 1,204. The sunset does not wait for them"
    ConsumerUsage.objects.create(day=now.date(), kind="anon", route="GET /things", calls=1_204, last_seen_at=now)
    assert said not in run_canary("lifecycle", "status")
    run("lifecycle", "deprecate", "--sunset", END, "--override")
    status = run_canary("lifecycle", "status")
    assert status.count(said) == 1
    assert "by a user or an API key" not in status
    known = json.loads(run_canary("lifecycle", "status", "--json"))
    assert (known["unproven_calls"], known["recent_calls"]) == (1_204, 1_204)
    assert said in run_canary("lifecycle", "sunset", "--override", "--reason", "as announced")
    assert said not in run_canary("lifecycle", "status")


def test_without_such_calls_nothing_is_said_of_them(run: Callable[..., Any], run_canary: Run, now: Any) -> None:
    ConsumerUsage.objects.create(
        day=now.date(), kind="user", identifier="9", route="GET /things", calls=5, last_seen_at=now, is_vouched=True
    )
    run("lifecycle", "deprecate", "--sunset", END, "--override")
    status = run_canary("lifecycle", "status")
    assert "proven name" not in status
    assert "by a user or an API key: 14 days without such a call are needed." in status
    assert run("lifecycle", "sunset", "--override")["note"] == ""


@pytest.fixture
def post(make_user: Callable[..., User], client_of: Callable[[User], Client]) -> Callable[..., Any]:
    admin = client_of(make_user("admin"))

    def send(path: str, client: Client = admin, **body: Any) -> Any:
        body = {"reason": "a plan", "expected_version": store.refresh().version, **body}
        said = {name: value for name, value in body.items() if value is not None}
        return client.post(f"/canary/api/{path}", said, content_type="application/json")

    return send


def test_the_control_api_does_the_same(post: Callable[..., Any]) -> None:
    early = post("lifecycle/deprecate", sunset=END)
    assert (early.status_code, early["Content-Type"]) == (409, "application/problem+json")
    assert (early.json()["type"].rpartition(":")[2], early.json()["current"]["lifecycle"]) == ("guards-unmet", "active")
    assert early.json()["detail"].endswith("`override` skips this, and is recorded.")
    done = post("lifecycle/deprecate", sunset=END, override=True)
    assert (done.status_code, done.json()["lifecycle"]) == (200, "deprecated")
    window = {"from": "2026-01-01", "to": "2099-01-01"}
    assert post("lifecycle", action="brownout add", override=True, **window).json()["lifecycle"] == "brownout"
    assert post("lifecycle/brownout/end").status_code == 200
    assert post("lifecycle/sunset", override=True).json()["lifecycle"] == "sunset"
    refused = post("rollback", expected_version=None)
    assert (refused.status_code, "restore" in refused.json()["detail"]) == (409, True)
    back = post("lifecycle/restore").json()
    assert back["lifecycle"] in ("brownout", "deprecated")  # of a window without a second nothing was held
    assert back["life"]["sunset_at"] == parse_instant(END)


def test_only_whoever_may_changes_the_life_of_v1(
    make_user: Callable[..., User], client_of: Callable[[User], Client], post: Callable[..., Any]
) -> None:
    assert post("lifecycle/restore", client=client_of(make_user("editor"))).status_code == 403
    assert post("lifecycle/restore", client=Client()).status_code == 401


def test_a_consumer_gets_until_its_date_by_commands(run: Callable[..., Any], run_canary: Run) -> None:
    run("lifecycle", "deprecate", "--sunset", END, "--override")
    done = run("lifecycle", "extend", "key:ios1", "--until", "2099-09-01")
    assert done["life"]["extensions"] == {"key:ios1": parse_instant("2099-09-01")}
    window = ("2026-01-01", "2099-01-01", "--consumer", "client:erp", "--override")
    assert run("lifecycle", "brownout", "add", *window)["lifecycle"] == "deprecated"
    said = run_canary("lifecycle", "status")
    assert "v1 answers key:ios1 until 2099-09-01T00:00:00Z." in said
    assert "Brownout of client:erp from 20" in said
    assert run("lifecycle", "brownout", "end", "--consumer", "client:erp")["lifecycle"] == "deprecated"
    run("lifecycle", "sunset", "--override", "--told-only")
    explained = run_canary("explain", "key:ios1")
    assert "Its extension keeps v1's own paths until 2099-09-01T00:00:00Z, even after the sunset." in explained
    assert "by command: a plan" in explained
    at = last_event().at.isoformat()
    assert "Its extension keeps v1's own paths until" in run_canary("explain", "key:ios1", "--at", at)
    assert run("lifecycle", "extend", "key:ios1", "--off")["life"]["extensions"] == {}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("client:app", "--until", "2099-09-01"), "Anybody can send the name client:app"),
        (("key:a", "--off"), "key:a has no extension"),
        (("key:a",), "Give either the date of the extension"),
        (("key:a", "--off", "--until", "2099-09-01"), "Give either the date of the extension"),
        (("key:a", "--until", "2099-05-01"), "An extension has to end after the sunset"),
        (("anon:a", "--until", "2099-09-01"), "KIND one of user, key, client"),
    ],
    ids=str,
)
def test_an_extension_that_can_not_be_is_refused_with_a_sentence(
    run: Callable[..., Any], run_canary: Run, words: tuple[str, ...], sentence: str
) -> None:
    run("lifecycle", "deprecate", "--sunset", END, "--override")
    with pytest.raises(CommandError, match=sentence):
        run_canary("lifecycle", "extend", *words, "--reason", "a plan")


def test_the_control_api_extends_and_ends_it_too(post: Callable[..., Any]) -> None:
    post("lifecycle/deprecate", sunset=END, override=True)
    given = post("lifecycle/extend", consumer="key:ios1", until="2099-09-01")
    assert given.json()["life"]["extensions"] == {"key:ios1": parse_instant("2099-09-01")}
    refused = post("lifecycle/extend", consumer="client:app", until="2099-09-01")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "unproven-consumer")
    assert post("lifecycle/extend", consumer="nobody", until="2099-09-01").status_code == 422
    window = {"from": "2026-01-01", "to": "2099-01-01", "consumer": "client:erp"}
    added = post("lifecycle/brownout/add", override=True, **window).json()
    assert [one[0] for one in added["life"]["own_brownouts"]] == ["client:erp"]
    assert post("lifecycle/extend", consumer="key:ios1", off=True).json()["life"]["extensions"] == {}
