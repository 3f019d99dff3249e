"""Erasing a person from long records: few statements, a bounded part with the account, the rest in a job."""

import datetime
import json
import uuid
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cms.integrity.running import run_checks, select_checks
from cms.jobs.execution import run_job
from cms.jobs.queue import claim_job
from cms.models import ApiKey, AuditEvent, Erasure, Job, StoredAnswer, User
from cms.policy import SYSTEM
from cms.services import erasing, personal_traces
from cms.services.api_keys import ApiKeyFields, create_api_key, update_api_key
from cms.services.erasing import erase_batch, resume_erasures
from cms.services.personal_traces import ERASED, PERSONAL, SECOND_TIME, START, erase_names, erase_some
from cms.services.pruning import prune
from cms.services.user_deletion import delete_user

pytestmark = pytest.mark.django_db
NAME, IP = "Amalia Kranz", "203.0.113.77"
HOURS = datetime.timedelta(hours=1)


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("subscriber", username="mia_k")


def write_events(user: User, count: int, **fields: Any) -> None:
    values: dict[str, Any] = {"actor": user, "action": "user.updated", "object_type": "user", "object_id": user.pk}
    values |= {"before": {"bio": NAME}, "after": {"bio": f"{NAME}, gardener"}, "ip": IP, **fields}
    AuditEvent.objects.bulk_create(AuditEvent(**values) for _ in range(count))


def named() -> int:
    """Events that still hold the name or the address."""
    return sum(NAME in str([e.before, e.after]) or e.ip == IP for e in AuditEvent.objects.all())


def run_jobs(now: datetime.datetime) -> None:
    while job := claim_job(worker="w", now=now):
        run_job(job, clock=lambda: now)
        assert job.errors == []


def test_two_thousand_events_take_few_statements(mia: User) -> None:
    write_events(mia, 2_000)
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert erase_some(mia.pk, START, most=100_000) == SECOND_TIME
    assert len(asked) < 30
    assert named() == 0


def test_the_transaction_that_deletes_the_account_erases_a_bounded_part(mia: User, now: Any) -> None:
    write_events(mia, 3_000)
    with CaptureQueriesContext(connection) as asked:
        delete_user(actor=SYSTEM, user=mia, now=now)
    assert len(asked) < 80
    assert named() >= 2_000
    assert User.objects.get(pk=mia.pk).display_name == "deleted user"
    run_jobs(now + HOURS)
    assert (named(), Erasure.objects.count()) == (0, 0)


def test_few_records_are_erased_at_once(mia: User, now: Any) -> None:
    write_events(mia, 100)
    delete_user(actor=SYSTEM, user=mia, now=now)
    assert named() == 0
    assert [job.run_after for job in Job.objects.all()] == [now + erasing.UNDER_WAY]  # for those that come late
    run_jobs(now + HOURS)
    assert (named(), Erasure.objects.count()) == (0, 0)


def test_the_second_time_finds_what_came_late_however_many(
    mia: User, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(personal_traces, "BATCH", 2)
    monkeypatch.setattr(erasing, "BATCH", 2)
    monkeypatch.setattr(erasing, "BATCHES_A_JOB", 3)
    delete_user(actor=SYSTEM, user=mia, now=now)
    write_events(mia, 9)
    write_events(mia, 9, object_type="post", object_id=uuid.uuid4(), before={}, after={})
    store(mia.pk, b"{}")
    run_jobs(now)
    assert named() == 18
    run_jobs(now + HOURS)
    assert (named(), Erasure.objects.count(), StoredAnswer.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
def test_every_record_is_reached_however_small_the_batches(
    mia: User, make_user: Any, now: Any, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    admin = make_user("admin", username="chief")
    keys = [
        create_api_key(
            actor=admin,
            owner=mia,
            fields={"name": f"{NAME} {n}", "scopes": ["posts:read"], "contact_email": ""},
            now=now,
        ).api_key
        for n in range(3)
    ]
    for n in range(8):
        changes: ApiKeyFields = {"name": f"{NAME} again {n}"}
        update_api_key(actor=admin, api_key=keys[1], changes=changes, now=now)
    write_events(mia, 7)
    write_events(mia, 5, actor=None, action="auth.failed", before={}, after={"username": NAME})
    write_events(mia, 6, object_type="post", object_id=uuid.uuid4(), before={}, after={})
    write_events(admin, 3, ip=None)
    monkeypatch.setattr(erasing, "AT_ONCE", 1)
    for module in (erasing, personal_traces):
        monkeypatch.setattr(module, "BATCH", batch)
    delete_user(actor=SYSTEM, user=mia, now=now)
    run_jobs(now + HOURS)
    assert not Erasure.objects.exists()
    assert named() == 3  # the admin's own
    assert {key.name for key in ApiKey.objects.all()} == {ERASED}


def test_erasing_goes_on_behind_an_event_that_was_pruned(mia: User, now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write_events(mia, 9)
    place = erase_some(mia.pk, START, most=4)
    assert place is not None
    assert place.after is not None
    AuditEvent.objects.filter(pk=place.after).delete()
    while place := erase_some(mia.pk, place, most=4):
        pass
    assert named() == 0


@pytest.mark.parametrize("repaired_by", ["prune", "check_content"])
def test_a_lost_job_is_found(mia: User, now: Any, monkeypatch: pytest.MonkeyPatch, repaired_by: str) -> None:
    """As a worker leaves it that is killed after a batch, and whose job is dead and pruned."""
    monkeypatch.setattr(erasing, "AT_ONCE", 5)
    monkeypatch.setattr(erasing, "BATCH", 5)
    write_events(mia, 30)
    delete_user(actor=SYSTEM, user=mia, now=now)
    assert erase_batch(mia.pk, is_again=False)
    Job.objects.all().delete()
    assert (resume_erasures(now), named() > 0) == (0, True)
    checks = [check for check in select_checks(is_deep=False) if check.id == "erasures"]
    assert [outcome.found for outcome in run_checks(checks, now=now)] == [0]
    later = now + 2 * HOURS
    assert [outcome.found for outcome in run_checks(checks, now=later)] == [1]
    if repaired_by == "prune":
        prune(now=later)
        assert resume_erasures(later) == 0  # it is queued already
        run_jobs(later + HOURS)
    else:
        assert [outcome.left for outcome in run_checks(checks, now=later, is_repairing=True)] == [0]
    assert (named(), Erasure.objects.count()) == (0, 0)


def test_a_job_does_a_bounded_part_and_queues_the_next(mia: User, now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "AT_ONCE", 1)
    monkeypatch.setattr(erasing, "BATCH", 2)
    monkeypatch.setattr(erasing, "BATCHES_A_JOB", 3)
    write_events(mia, 20)
    delete_user(actor=SYSTEM, user=mia, now=now)
    run_jobs(now + HOURS)
    assert Job.objects.count() > 2
    assert (named(), Erasure.objects.count()) == (0, 0)


def test_nothing_shows_the_names_meanwhile(
    mia: User, make_user: Any, client_of: Any, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = make_user("admin", username="chief")
    fields: ApiKeyFields = {"name": NAME, "scopes": ["posts:read"], "contact_email": "amalia@example.org"}
    create_api_key(actor=mia, owner=mia, fields=fields, now=now)
    write_events(mia, 4)
    event = AuditEvent.objects.filter(before={"bio": NAME}).latest("pk")
    api, browser = client_of(admin), Client()
    browser.force_login(admin)
    pages: list[tuple[Client, str]] = [
        (api, "/api/v2/audit"),
        (api, f"/api/v2/audit?object={mia.pk}"),
        (api, "/api/v2/api-keys"),
        (browser, "/admin/cms/auditevent/"),
        (browser, f"/admin/cms/auditevent/{event.pk}/change/"),
        (browser, "/admin/cms/auditevent/export/"),
        (browser, "/admin/cms/apikey/"),
        (browser, f"/admin/cms/user/{mia.pk}/change/"),
    ]

    def shown() -> list[bool]:
        bodies = [client.get(path, follow=True).getvalue().decode() for client, path in pages]
        return [any(word in body for word in (NAME, IP, "amalia@example.org")) for body in bodies]

    assert shown().count(True) >= 7
    monkeypatch.setattr(erasing, "AT_ONCE", 1)
    delete_user(actor=SYSTEM, user=mia, now=now)
    assert named() > 0
    assert not any(shown())
    run_jobs(now + HOURS)
    assert not any(shown())
    assert api.get(f"/api/v2/audit?object={mia.pk}").json()["data"]  # they are back, without the names


# -- names in JSON ---------------------------------------------------------------------------------------------------

VALUES: Any = ["", NAME, None, True, False, 0, 0.0, 1, 2.5, [], {}, ["a"], {"a": None}, "null", "[]", 'q"\\ö\n😀']


def expected(values: dict[str, Any]) -> dict[str, Any]:
    return {name: ERASED if name in PERSONAL and value else value for name, value in values.items()}


def objects() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for value in VALUES:
        yield {"username": value, "role": value, 'odd "name". $ö': value}, {}
    every = [dict(zip(sorted(PERSONAL), VALUES[n:] + VALUES[:n], strict=False)) for n in range(len(VALUES))]
    yield from pairwise(every)


def test_members_with_a_persons_name_are_erased_and_others_stay(mia: User) -> None:
    pairs = [*objects(), ({}, {}), ({}, {"role": "author"}), ({"role": NAME}, {"email": NAME})]
    subject = uuid.uuid4()
    for before, after in pairs:
        AuditEvent.objects.create(action="x", object_type="user", object_id=subject, before=before, after=after)
    erase_names(AuditEvent.objects.filter(object_id=subject))
    stored = AuditEvent.objects.filter(object_id=subject).order_by("pk").values_list("before", "after")
    wanted = [(expected(before), expected(after)) for before, after in pairs]
    assert json.dumps([*stored], sort_keys=True) == json.dumps(wanted, sort_keys=True)


# -- stored answers --------------------------------------------------------------------------------------------------


def store(person: uuid.UUID | None, body: bytes) -> StoredAnswer:
    return StoredAnswer.objects.create(
        request_digest=uuid.uuid4().hex, body_digest="", status=201, body=body, person=person
    )


def test_deleting_a_user_reads_no_body_of_a_stored_answer(mia: User, make_user: Any, now: Any) -> None:
    other = make_user()
    store(mia.pk, b"{}")
    kept = store(other.pk, f'{{"username": "{mia.pk}"}}'.encode())
    with CaptureQueriesContext(connection) as asked:
        delete_user(actor=SYSTEM, user=mia, now=now)
    assert [*StoredAnswer.objects.all()] == [kept]
    bodies = [query["sql"] for query in asked if "position(" in query["sql"] or "instr" in query["sql"].lower()]
    assert bodies == []


def test_answers_of_an_earlier_release_are_looked_through_in_small_batches(
    mia: User, now: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(personal_traces, "ANSWERS_A_BATCH", 2)
    for _ in range(5):
        store(None, f'{{"id":"{mia.pk}","username":"mia_k"}}'.encode())
    kept = store(None, f'{{"author":"{mia.pk}"}}'.encode())
    delete_user(actor=SYSTEM, user=mia, now=now)
    assert StoredAnswer.objects.count() > 2
    run_jobs(now + HOURS)
    assert [*StoredAnswer.objects.all()] == [kept]
