"""Writes from a file: what v2 loses is found, and nothing is left behind."""

import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from canary.errors import Refused
from canary.shadow.writes import copying
from canary.shadow.writes.replaying import replay_writes
from canary.verbs.registry import all_verbs
from tests.canary.shadow.writes.site import THING

type Played = Callable[..., list[dict[str, Any]]]
type Writing = Callable[..., None]


def write(**more: Any) -> dict[str, Any]:
    return {"body": {**THING, **more}}


def found(one: dict[str, Any]) -> set[tuple[str, str]]:
    return {(difference["path"], difference["kind"]) for difference in one["differences"]}


@pytest.mark.parametrize("fault", ["", "order", "once", "in turns"])
def test_a_write_that_changes_the_same_is_equal(played: Played, fault: str) -> None:
    [one] = played(write(fault=fault))
    assert (one["result"], one["error"], one["differences"]) == ("equal", "", [])


@pytest.mark.parametrize(
    ("fault", "path", "kind"),
    [
        ("lost", "cms_tag.description", "value"),
        ("cut", "cms_tag.description", "value"),
        ("row", "auth_group", "missing"),
        ("rows", "auth_group", "added"),
        ("link", "auth_group_permissions.group_id", "value"),
        ("member", "cms_auditevent.after.at", "missing"),
        ("reference", "cms_auditevent.after.id", "value"),
        ("status", "201 to 200", "status"),
        ("refusal", "201 to 422", "status"),
        ("mail", "", "side_effect"),
        ("thread", "", "side_effect"),
        ("socket", "", "side_effect"),
        ("open", "", "side_effect"),
        ("executor", "", "side_effect"),
        ("file", "", "side_effect"),
        ("unnamed", "", "side_effect"),
        ("commit", "", "side_effect"),
        ("lock", "", "side_effect"),
        ("advisory", "", "side_effect"),
    ],
)
def test_what_v2_does_otherwise_is_found(played: Played, fault: str, path: str, kind: str) -> None:
    [one] = played(write(fault=fault))
    assert (one["result"], found(one)) == ("different", {(path, kind)})


def test_a_lost_column_of_a_row_that_was_there_is_found(played: Played) -> None:
    change = {"method": "PUT", "path": "/api/v1/things/old", "body": {"text": "new", "fault": "lost"}}
    [lost, equal] = played(change, {**change, "body": {"text": "new"}})
    assert (found(lost), equal["result"], lost["error"]) == ({("cms_tag.description", "value")}, "equal", "")


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("unnamed", "v1 writes to cms_category, which ROWS does not name."),
        ("mail", "v1 sends mail."),
        ("open", "v1 sends to another process."),
        ("executor", "v1 hands work to an executor."),
        ("commit", "v1 sends COMMIT."),
        ("hidden", "v1 sends SELECT 1; -- one more /* the last */ commit."),
    ],
)
def test_v1_is_told_what_it_does_beside_its_rows(played: Played, fault: str, sentence: str) -> None:
    [one] = played(write(v1=fault))
    assert (one["result"], one["error"]) == ("failed", sentence)


@pytest.mark.skipif(connection.vendor == "postgresql", reason="psycopg has no scripts")
def test_a_script_that_would_commit_is_refused(played: Played) -> None:
    [one] = played(write(v1="script"))
    assert (one["result"], one["error"]) == ("failed", "not authorized")


class ElsewhereRouter:
    """Groups are in another database."""

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        return "archive" if model is Group else None


def test_rows_of_another_database_are_not_copied(played: Played, settings: Any) -> None:
    settings.DATABASE_ROUTERS = [f"{__name__}.{ElsewhereRouter.__name__}"]
    [one] = played(write())
    assert one["error"] == "ROWS names auth_group in the database archive: use tables of default."


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite locks no rows")
def test_rows_that_are_not_copied_are_not_locked(played: Played) -> None:
    [one] = played(write(v1="locked"))
    assert one["error"] == "v1 locks rows of cms_category, which ROWS does not name."


def test_a_handler_that_does_not_end_is_given_up(played: Played, writing: Writing) -> None:
    writing(TIMEOUT_S=0.5)
    [one] = played(write(fault="late"))
    assert one["result"] in ("timed_out", "abandoned")
    writing()
    [other] = played(write())
    assert other["result"] == "equal"


def test_more_rows_than_allowed_are_not_copied(played: Played, writing: Writing) -> None:
    Group.objects.bulk_create(Group(name=f"known {n}") for n in range(3))
    writing(ROWS_MAX=3)
    [one] = played(write())
    assert (one["result"], one["error"]) == ("failed", "ROWS names more than 3 rows.")


def test_more_text_than_allowed_is_not_read(played: Played, writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "CHARACTERS_MAX", 1_500)
    assert [one["result"] for one in played(write(text="a" * 100))] == ["equal"]
    [one] = played(write(text="a" * 1_500))
    assert (one["result"], one["error"]) == ("failed", "The rows of ROWS hold more than 1,500 characters.")


def test_rows_may_only_read(played: Played, writing: Writing) -> None:
    writing(ROWS="tests.canary.shadow.writes.site.rows_that_write")
    [one] = played(write())
    assert one["result"] == "failed"
    assert one["error"].startswith("ROWS sends UPDATE")
    assert Group.objects.filter(name="known").exists()


def test_a_call_without_an_equivalent_is_not_played(played: Played) -> None:
    [one] = played({"path": "/api/v1/nothing"})
    assert (one["result"], one["route"]) == ("unmapped", "POST /api/v1/nothing")


def test_an_async_handler_is_not_played(played: Played) -> None:
    [one] = played({"path": "/api/v1/async", "body": {}})
    assert (one["result"], one["error"], one["differences"]) == ("unmapped", "", [])


def test_what_both_refuse_is_not_compared(played: Played) -> None:
    [one] = played({"method": "PUT", "path": "/api/v1/things/old", "body": {"text": "x", "refused": True}})
    assert one["result"] == "refused_both"


TEXT = json.dumps(THING)
DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "body",
    [
        f"\ufeff{TEXT}",
        TEXT.replace("}", ', "more": 1e400}'),
        TEXT.replace("}", ', "more": NaN}'),
        TEXT.replace("}", ', "more": -Infinity}'),
        TEXT.replace("}", ', "more": 2.0000000000000000001}'),
        TEXT.replace("{", '{"text": "first", '),
    ],
)
def test_a_body_that_parsers_read_in_several_ways_is_not_translated(played: Played, body: str) -> None:
    [one] = played({"body": body})
    assert (one["result"], one["error"]) == ("unmapped", "Its body is not JSON that every parser reads alike.")


def test_a_body_in_another_encoding_is_not_translated(played: Played) -> None:
    [one, other] = played(
        *(write() | {"headers": {"Content-Type": f"application/json; charset={name}"}} for name in ("latin-1", "UTF-8"))
    )
    assert (one["result"], other["result"]) == ("unmapped", "equal")


def test_without_declared_members_v2_gets_the_body_as_it_came(played: Played) -> None:
    change = {"method": "PUT", "path": "/api/v1/things/old"}
    [bad, odd] = played(
        {**change, "body": '\ufeff{"text": "new"}'}, {**change, "body": '{"text": "new", "more": 1e400}'}
    )
    assert (bad["result"], odd["result"]) == ("refused_both", "equal")


@pytest.mark.parametrize("call", [{}, {"method": "PUT", "path": "/api/v1/things/old"}])
def test_a_body_that_is_nested_too_deeply_is_not_played(played: Played, call: dict[str, str]) -> None:
    [one] = played({**call, "body": DEEP})
    assert one["result"] == "unmapped"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "Line 1: Expecting property name"),
        pytest.param(DEEP, "Line 1: maximum recursion depth exceeded", id="deep"),
        ("[]", "Line 1: A write is an object with body, headers, identity, method, path, and nothing else."),
        (
            '{"method": "GET", "path": "/api/v1/things"}',
            "'GET' is not the method of a write: use POST, PUT, PATCH, DELETE.",
        ),
        ('{"method": "POST", "path": "/api/v2/things"}', "'/api/v2/things' is not a path of version 1: use /api/v1/…."),
        ('{"method": "POST", "path": "things"}', "'things' is not a path of version 1: use /api/v1/…."),
        ('{"method": "POST", "path": "/api/things", "identity": "key:a"}', "'key:a' is not a user"),
        ('{"method": "POST", "path": "/api/things", "identity": "user:"}', "'user:' is not a user"),
        (
            '{"method": "POST", "path": "/api/things", "headers": ["Accept"]}',
            "Line 1: headers is ['Accept']: use an object of names and values.",
        ),
    ],
)
def test_a_wrong_line_is_told_in_a_sentence(writing: Writing, line: str, sentence: str) -> None:
    with pytest.raises(Refused, match=re.escape(sentence)):
        replay_writes([line], timezone.now())


def test_without_rows_nothing_is_played(rollout: Callable[..., None]) -> None:
    rollout()
    with pytest.raises(Refused, match="names no ROWS"):
        replay_writes([], timezone.now())


def test_the_command_tells_where_the_rows_differ_and_shows_no_value(
    played: Played, run_canary: Callable[..., str], tmp_path: Path
) -> None:
    file = lines_in(tmp_path, write(fault="lost"), write())
    with pytest.raises(CommandError, match="1 write differs"):
        run_canary("shadow-writes", str(file))
    said = printed(run_canary, file)
    assert "different     line 1: POST /things" in said
    assert "cms_tag.description: value, v1 (text), v2 (text)" in said
    assert "Release 1: 1 different, 1 equal." in said
    assert "green" not in said


def test_the_command_has_the_names_of_the_journey() -> None:
    difference = {"path": "a.b", "kind": "value", "v1": "(text)", "v2": "(null)"}
    one = {"result": "failed", "line": 1, "route": "POST /a", "error": "v1 sends mail.", "differences": [difference]}
    said = all_verbs()[("shadow-writes",)].say(
        {"release": 1, "names": {"stable": "2", "candidate": "3"}, "writes": [one]}
    )
    assert [*said] == [
        "failed        line 1: POST /a  v2 sends mail.",
        "              a.b: value, v2 (text), v3 (null)",
        "Release 1: 1 failed.",
    ]


def test_a_text_may_hold_line_breaks_that_end_no_line_of_json(
    played: Played, run_canary: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "writes.jsonl"
    one = {"method": "POST", "path": "/api/v1/things", **write(text="one\u2028two\x85three")}
    file.write_text(json.dumps(one, ensure_ascii=False))
    assert "Release 1: 1 equal." in run_canary("shadow-writes", str(file))


def test_a_difference_is_stored_and_may_be_accepted(
    writing: Writing, run_canary: Callable[..., str], tmp_path: Path
) -> None:
    run_canary("set", "0", "--reason", "stored")
    file = lines_in(tmp_path, write(fault="lost"))
    printed(run_canary, file)
    name = ("--route", "POST /things", "--path", "cms_tag.description", "--kind", "value")
    assert "cms_tag.description" in run_canary("differences", "list")
    assert "1 compared (1 write), 1 differ" in run_canary("report")
    run_canary("differences", "accept", *name, "--reason", "v2 has no text")
    assert "accepted      line 1" in run_canary("shadow-writes", str(file))


def lines_in(folder: Path, *writes: dict[str, Any]) -> Path:
    file = folder / "writes.jsonl"
    file.write_text("\n".join(json.dumps({"method": "POST", "path": "/api/v1/things", **one}) for one in writes))
    return file


def printed(run_canary: Callable[..., str], file: Path) -> str:
    """What the command prints before it ends with 1."""
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("canary", "shadow-writes", str(file), stdout=out)
    return out.getvalue()
