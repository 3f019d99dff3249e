"""What grows for ever goes when its time has come, and nothing else."""

import datetime
import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from cms.models import (
    ApiKey,
    AuditEvent,
    AuthSession,
    BrowserSession,
    Chore,
    Delivery,
    ImportRecord,
    Invitation,
    Job,
    StoredAnswer,
    Transfer,
    User,
    Webhook,
)
from cms.readiness.stores import was_pruned
from cms.services import pruning
from cms.services.api_keys import create_api_key, revoke_api_key
from cms.services.pruning import count_prunable, prune, prune_if_due

pytestmark = pytest.mark.django_db


def ago(days: float) -> datetime.datetime:
    return timezone.now() - datetime.timedelta(days=days)


@pytest.fixture
def rows(author: User) -> None:
    """Of each kind some that may go and some that may not."""
    webhook = Webhook.objects.create(url="https://hooks.example/", secret="whsec_")
    for status, age in [("delivered", 31), ("dead", 31), ("pending", 99), ("delivered", 29)]:
        Delivery.objects.create(
            webhook=webhook,
            event_id=uuid7(),
            object_id=uuid7(),
            payload={},
            status=status,
            next_attempt_at=ago(age),
            updated_at=ago(age),
        )
    for status, age in [("successful", 15), ("dead", 15), ("successful", 13)]:
        Job.objects.create(task_path="x", status=status, finished_at=ago(age))
    Job.objects.create(task_path="x", created_at=ago(99))
    for state, age in [("done", 15), ("failed", 15), ("checked", 15), ("done", 13), ("running", 99)]:
        Transfer.objects.create(kind="import", state=state, original_name="x", finished_at=ago(age), started_by=author)
    AuthSession.objects.create(user=author, expires_at=ago(31))
    AuthSession.objects.create(user=author, expires_at=ago(-5), revoked_at=ago(31))
    AuthSession.objects.create(user=author, expires_at=ago(29))
    AuthSession.objects.create(user=author, expires_at=ago(-5))
    for n, (end, age, is_active) in enumerate([(-5, 31, False), (31, 40, True), (29, 40, True), (-5, 29, False)]):
        values: Any = {"prefix": f"p{n}", "expires_at": ago(end), "is_active": is_active, "updated_at": ago(age)}
        ApiKey.objects.create(owner=author, name="Robot", **values)
    for key, age in [("a", 31), ("b", 29), ("c", -1)]:
        BrowserSession.objects.create(session_key=key, session_data="", expire_date=ago(age), user=author)
    for key, hours in [("d", 1), ("e", -1)]:  # of nobody
        BrowserSession.objects.create(session_key=key, session_data="", expire_date=ago(hours / 24))
    for end, revoked in [(31, None), (29, None), (-5, 31), (-5, None)]:
        revoked_at = ago(revoked) if revoked else None
        Invitation.objects.create(email="a@example.org", role="author", expires_at=ago(end), revoked_at=revoked_at)
    for digest, days in [("a", 1.1), ("b", 0.9)]:
        StoredAnswer.objects.create(request_digest=digest, status=200, body=b"", created_at=ago(days))
    AuditEvent.objects.all().delete()
    AuditEvent.objects.create(action="x", object_type="post", object_id=uuid7(), created_at=ago(400))


EXPECTED = {
    "deliveries": 2,
    "jobs": 2,
    "transfers": 3,
    "api_sessions": 2,
    "api_keys": 2,
    "browser_sessions": 2,
    "invitations": 2,
    "stored_answers": 1,
    "audit_events": 0,
}


def test_what_is_old_and_finished_goes_and_the_rest_stays(rows: None, now: Any) -> None:
    assert count_prunable(now=now) == EXPECTED
    assert prune(now=now) == EXPECTED
    assert prune(now=now) == dict.fromkeys(EXPECTED, 0)
    models = (Delivery, Job, Transfer, AuthSession, ApiKey, BrowserSession, Invitation, StoredAnswer, AuditEvent)
    assert [model.objects.count() for model in models] == [2, 2, 2, 2, 2, 3, 2, 1, 1]


@pytest.mark.django_db(transaction=True)
def test_imports_and_exports_go_with_their_files(author: User, settings: Any, tmp_path: Path, now: Any) -> None:
    """Exports and reports hold everybody's addresses, also of people who are deleted meanwhile."""
    settings.MEDIA_ROOT = tmp_path
    for kind, state, age in [("import", "checked", 15), ("export", "done", 15), ("export", "done", 13)]:
        file, report = (default_storage.save(f"transfers/{name}", ContentFile("x")) for name in ("file", "report"))
        values: Any = {"kind": kind, "state": state, "finished_at": ago(age), "file": file, "report": report}
        Transfer.objects.create(original_name="x", started_by=author, **values)
    assert prune(now=now)["transfers"] == 2
    kept = Transfer.objects.get()
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        Path(name).name for name in (kept.file.name, kept.report.name)
    }


@pytest.mark.django_db(transaction=True)
def test_imports_go_whose_job_was_given_up_and_not_those_that_a_worker_will_do(
    author: User, settings: Any, tmp_path: Path, now: Any
) -> None:
    """A worker that was killed as often as a job may be tried leaves the upload, with everybody's addresses."""
    settings.MEDIA_ROOT = tmp_path
    fates = [("checking", "dead", 15), ("running", "dead", 15), ("running", "dead", 13), ("running", "ready", 15)]
    for state, status, age in fates:
        values: Any = {"kind": "import", "state": state, "original_name": f"{state} {status} {age}"}
        values["file"] = default_storage.save(f"transfers/{state}-{status}-{age}", ContentFile("x"))
        one = Transfer.objects.create(started_by=author, updated_at=ago(age), **values)
        Job.objects.create(task_path="x", queue_name="transfers", args=[str(one.pk)], status=status)
    assert prune(now=now)["transfers"] == 2
    kept = {"running dead 13", "running ready 15"}
    assert set(Transfer.objects.values_list("original_name", flat=True)) == kept
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {name.replace(" ", "-") for name in kept}


@pytest.mark.django_db(transaction=True)
def test_files_go_too_that_a_killed_worker_has_stored_before_their_row(
    author: User, settings: Any, tmp_path: Path, now: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    for kind, name in [("export", "all.zip"), ("import", "blog.xml")]:
        values: Any = {"kind": kind, "state": "running", "original_name": name, "updated_at": ago(15)}
        one = Transfer.objects.create(started_by=author, **values)
        stem = f"transfers/{one.created_at.astimezone(datetime.UTC):%Y/%m}/{one.pk.hex}"
        default_storage.save(stem + (".zip" if kind == "export" else "-report.json"), ContentFile("x"))
    assert prune(now=now)["transfers"] == 2
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_key_that_goes_leaves_no_name_in_the_audit_trail(author: User, now: Any) -> None:
    """Its owner could not be found any more when the account is deleted."""
    fields: Any = {"name": "Mias laptop", "scopes": ["posts:read"], "contact_email": "mia@example.org"}
    keys = [create_api_key(actor=author, owner=author, fields=fields, now=now).api_key for _ in range(2)]
    revoke_api_key(actor=author, api_key=keys[0], now=ago(31))
    assert prune(now=now)["api_keys"] == 1
    events = AuditEvent.objects.filter(object_id=keys[0].pk).order_by("pk")
    assert [event.action for event in events] == ["api_key.created", "api_key.revoked"]
    assert (events[0].after["name"], events[0].after["owner"]) == ("erased", str(author.pk))
    assert AuditEvent.objects.get(object_id=keys[1].pk).after["name"] == "Mias laptop"


def key_with_events(author: User, now: Any, number: int) -> ApiKey:
    """A key that ended long ago, and was renamed so often."""
    fields: Any = {"name": "Mias laptop", "scopes": ["posts:read"]}
    key = create_api_key(actor=author, owner=author, fields=fields, now=now).api_key
    revoke_api_key(actor=author, api_key=key, now=ago(31))
    values: Any = {"action": "api_key.updated", "object_type": "apikey", "object_id": key.pk, "after": {"name": "Mias"}}
    AuditEvent.objects.bulk_create(AuditEvent(**values, created_at=ago(40)) for _ in range(number))
    return key


def test_a_key_with_many_events_goes_by_and_by(author: User, now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One statement for all of them took minutes, in which no one else could change them."""
    monkeypatch.setattr(pruning, "BATCH", 3)
    monkeypatch.setattr(pruning, "ROWS_A_TURN", 40)  # a batch takes 20 of them, and its events
    key = key_with_events(author, now, 20)
    naming = AuditEvent.objects.filter(object_id=key.pk, after__name="Mias")
    left = []
    while prune_if_due(now=now):
        left.append((naming.count(), ApiKey.objects.filter(pk=key.pk).exists()))
    assert left == [(14, True), (8, True), (2, True), (0, False), (0, False)]


def test_another_worker_begins_with_such_a_key_anew(author: User, now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 3)
    monkeypatch.setattr(pruning, "ROWS_A_TURN", 40)
    key = key_with_events(author, now, 4)
    assert prune_if_due(now=now)
    assert ApiKey.objects.filter(pk=key.pk).exists()
    pruning._reached.clear()
    while prune_if_due(now=now):
        pass
    assert not ApiKey.objects.filter(pk=key.pk).exists()


@pytest.mark.skipif(os.environ["DATABASE_URL"].startswith("sqlite"), reason="there is one writer at a time")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["cms_auditevent", "cms_apikey"])
def test_prune_waits_for_nobody_who_holds_a_key_or_its_events(table: str, author: User, now: Any) -> None:
    """An erasure holds some and wants others: both waited for each other."""
    key = key_with_events(author, now, 2)
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as erasing:
        erasing.execute(f"SELECT FROM {table} ORDER BY id DESC LIMIT 1 FOR UPDATE")
        assert prune(now=now)["api_keys"] == 0
    assert prune(now=now)["api_keys"] == 1
    assert not ApiKey.objects.filter(pk=key.pk).exists()


def test_audit_events_go_only_when_the_setting_says_after_how_many_days(rows: None, settings: Any, now: Any) -> None:
    settings.AUDIT_RETENTION_DAYS = 401
    assert prune(now=now)["audit_events"] == 0
    settings.AUDIT_RETENTION_DAYS = 399
    assert prune(now=now)["audit_events"] == 1


def test_why_an_imported_object_is_gone_is_kept_for_ever(settings: Any, now: Any) -> None:
    settings.AUDIT_RETENTION_DAYS = 30
    imported, own = uuid7(), uuid7()
    values: Any = {"source": "s", "digest": "d", "external_id": "1", "object_type": "tag", "object_id": imported}
    ImportRecord.objects.create(**values)
    for pk in (imported, own):
        for action in ("tag.created", "tag.deleted"):
            AuditEvent.objects.create(action=action, object_type="tag", object_id=pk, created_at=ago(31))
    assert prune(now=now)["audit_events"] == 3
    assert [(event.action, event.object_id) for event in AuditEvent.objects.all()] == [("tag.deleted", imported)]


def test_rows_go_in_batches_until_none_is_left(now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 3)
    for _ in range(7):
        Job.objects.create(task_path="x", status="dead", finished_at=ago(15))
    assert prune(now=now)["jobs"] == 7


@pytest.mark.parametrize("is_dry_run", [True, False])
def test_the_command_prints_the_numbers_as_json_and_a_dry_run_deletes_nothing(rows: None, is_dry_run: bool) -> None:
    out = StringIO()
    call_command("prune", "--json", *(["--dry-run"] if is_dry_run else []), stdout=out)
    assert json.loads(out.getvalue()) == {"is_dry_run": is_dry_run, "deleted": EXPECTED}
    assert Job.objects.count() == (4 if is_dry_run else 2)


def test_the_command_names_each_setting_beside_its_number(rows: None) -> None:
    out = StringIO()
    call_command("prune", stdout=out)
    assert "deliveries: 2 deleted (WEBHOOK_DELIVERY_RETENTION_DAYS)" in out.getvalue().splitlines()


def test_workers_prune_once_a_day_and_one_of_them_does_it(rows: None, now: Any) -> None:
    assert prune_if_due(now=now)
    assert not prune_if_due(now=now)  # another worker, or the next turn
    assert count_prunable(now=now) == dict.fromkeys(EXPECTED, 0)
    assert not prune_if_due(now=now + datetime.timedelta(hours=23))
    assert prune_if_due(now=now + datetime.timedelta(hours=24))


def test_a_worker_prunes_piece_by_piece_until_nothing_is_left(now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    monkeypatch.setattr(pruning, "ROWS_A_TURN", 4)
    for _ in range(9):
        Job.objects.create(task_path="x", status="dead", finished_at=ago(15))
    left = []
    while prune_if_due(now=now):
        left.append(Job.objects.count())
        assert was_pruned(now, {})[1].startswith("`prune` ran") == (left[-1] == 0)
    assert left == [5, 1, 0]


def test_a_worker_that_was_killed_while_it_pruned_is_followed_after_an_hour(now: Any) -> None:
    Chore.objects.create(name=pruning.CHORE, due_at=now + pruning.LEASE)
    assert not prune_if_due(now=now)
    assert prune_if_due(now=now + pruning.LEASE)


def test_the_checklist_misses_a_prune_after_two_days(now: Any) -> None:
    assert was_pruned(now, {})[0]
    later = now + datetime.timedelta(days=2.1)
    assert "has never run" in was_pruned(later, {})[1]
    prune(now=now)
    assert was_pruned(now + datetime.timedelta(days=1.9), {})[0]
    assert was_pruned(later, {}) == (
        False,
        "The last `prune` was 2.1 days ago; 2 days are allowed. `run_worker` prunes once a day: does it run?",
    )
