"""Who hears of the rollout: webhooks by its events, and mails to those in charge; in the transaction of the change."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django.fixtures import Settings

from canary.core.values import Identity
from canary.models import Lease, RolloutEvent
from canary.services import (
    acknowledge,
    add_to_list,
    hold_plan,
    pause_plan,
    promote_plan,
    resume_plan,
    roll_back,
    set_weight,
    start_plan,
    watch_controller,
)
from cms.jobs.execution import run_job
from cms.jobs.queue import claim_job
from cms.models import Delivery, Job, User
from cms.policy import SYSTEM
from cms.rollout.events import ROLLOUT_ID
from cms.services.groups import create_group, set_groups
from cms.services.rollout_mails import announce_rollout, people_in_charge
from cms.services.users import update_user
from cms.services.webhooks import create_webhook

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"actor": "cli:root", "reason": "for the test"}


@pytest.fixture
def webhook(now: datetime.datetime) -> None:
    fields: Any = {"url": "https://hooks.example/in", "events": ["*"]}
    create_webhook(actor=SYSTEM, fields=fields, now=now)


def told() -> list[str]:
    return list(Delivery.objects.order_by("created_at", "pk").values_list("event_type", flat=True))


def run_jobs() -> None:
    while job := claim_job(worker="w", now=timezone.now() + datetime.timedelta(seconds=1)):
        run_job(job, clock=timezone.now)


def test_each_change_of_the_weight_is_a_step_and_lists_and_pauses_are_none(webhook: None, now: Any) -> None:
    change: dict[str, Any] = {**WHO, "expected_version": None, "now": now}
    add_to_list(list="allow", identity=Identity("user", "1"), **change)
    set_weight(weight_bp=500, **change)
    set_weight(weight_bp=500, **change)
    start_plan(steps_bp=[1_000, 5_000, 9_000], min_s=0, is_fresh_cohort=False, **change)
    pause_plan(**change)
    resume_plan(**change)
    promote_plan(**change)
    hold_plan(**change)
    roll_back(now=now, **WHO)
    acknowledge(**change)
    assert told() == [*["rollout.step"] * 3, "rollout.hold", "rollout.rollback"]


def test_a_step_that_waits_for_a_second_person_is_told_by_webhook_and_mail(
    webhook: None, make_user: Callable[..., User], now: datetime.datetime, settings: Settings
) -> None:
    make_user("admin", username="chief")
    settings.CANARY = {**settings.CANARY, "APPROVAL": True}
    set_weight(weight_bp=2_500, expected_version=None, now=now, **WHO)
    assert [event_type for event_type in told() if event_type.startswith("rollout.")] == ["rollout.approval"]
    run_jobs()
    [sent] = mail.outbox
    assert sent.subject == "API rollout: a change waits for approval"


def test_a_plan_that_nobody_guards_is_told_by_webhook_and_mail_and_that_it_is_over_too(
    webhook: None, make_user: Callable[..., User], now: datetime.datetime
) -> None:
    make_user("admin", username="chief")
    start_plan(steps_bp=[1_000, 5_000], min_s=0, is_fresh_cohort=False, expected_version=0, now=now, **WHO)
    later = now + datetime.timedelta(hours=1)
    watch_controller(later)
    Lease.objects.create(name="controller", holder="", expires_at=now, done_at=Now())
    watch_controller(later + datetime.timedelta(seconds=1))
    about_rollouts = [event_type for event_type in told() if event_type.startswith("rollout.")]
    assert about_rollouts == ["rollout.step", "rollout.unguarded", "rollout.guarded"]
    run_jobs()
    assert [one.subject for one in mail.outbox[1:]] == [
        "API rollout: no controller is running",
        "API rollout: a controller is running again",
    ]
    assert "Start one: `manage.py run_canary_controller`." in mail.outbox[1].body


def test_a_payload_names_the_rollout_and_its_version_and_nothing_else(webhook: None, now: datetime.datetime) -> None:
    set_weight(weight_bp=500, expected_version=0, now=now, **WHO)
    payload = Delivery.objects.get().payload
    assert payload.pop("id")
    assert payload == {
        "type": "rollout.step",
        "object": {"type": "rollout", "id": str(ROLLOUT_ID), "version": 1},
        "occurred_at": now.isoformat().replace("+00:00", "Z"),
        "api_version": None,
    }


def test_changes_are_told_in_their_order_when_the_later_one_has_read_its_clock_earlier(
    webhook: None, now: datetime.datetime
) -> None:
    """As when it had to wait for the row, or when its process has a clock that is behind by a moment."""
    set_weight(weight_bp=500, expected_version=0, now=now, **WHO)
    set_weight(weight_bp=900, expected_version=1, now=now - datetime.timedelta(seconds=1), **WHO)
    line = Delivery.objects.order_by("created_at", "pk")
    assert [delivery.payload["object"]["version"] for delivery in line] == [1, 2]


def test_what_is_rolled_back_tells_nobody(webhook: None, now: datetime.datetime) -> None:
    with transaction.atomic():
        set_weight(weight_bp=500, expected_version=0, now=now, **WHO)
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()
    assert not Job.objects.exists()
    assert not RolloutEvent.objects.exists()


def test_those_in_charge_get_a_mail_that_says_what_was_done_and_why(
    make_user: Callable[..., User], now: datetime.datetime
) -> None:
    make_user("admin", username="chief")
    make_user("editor", username="elsewhere")
    set_weight(weight_bp=1_250, expected_version=0, now=now, **WHO)
    run_jobs()
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["chief@example.org"], "API rollout: v2's share has changed")
    assert "set by cli:root: v2's share went from 0 % to 12.5 %.\nWhy: for the test" in sent.body


def test_each_mail_is_in_the_language_of_its_reader(make_user: Callable[..., User], now: datetime.datetime) -> None:
    make_user("admin", username="chief")
    make_user("admin", username="aiko", language="ja")
    set_weight(weight_bp=1_250, expected_version=0, now=now, **WHO)
    roll_back(now=now, **WHO)
    run_jobs()
    texts = {(*sent.to, sent.subject): sent.body for sent in mail.outbox}
    assert set(texts) == {
        ("chief@example.org", "API rollout: v2's share has changed"),
        ("chief@example.org", "API rollout: rolled back"),
        ("aiko@example.org", "API ロールアウト: v2 の割合が変わりました"),
        ("aiko@example.org", "API ロールアウト: ロールバックしました"),
    }
    raised = texts["aiko@example.org", "API ロールアウト: v2 の割合が変わりました"]
    assert "cli:root による set: v2 の割合は 0 % から 12.5 % になりました。\n理由: for the test" in raised
    assert "You get this mail" not in raised


def test_a_job_of_an_earlier_release_sends_its_english_sentence(make_user: Callable[..., User]) -> None:
    make_user("admin", username="chief")
    announce_rollout.enqueue("rollout.hold", "hold by cli:root: {stays}.\nWhy: late")
    run_jobs()
    assert mail.outbox[0].body.startswith("hold by cli:root: {stays}.\nWhy: late\n")


def test_a_mail_names_who_did_it_and_the_job_has_only_the_id(
    make_user: Callable[..., User], now: datetime.datetime
) -> None:
    chief = make_user("admin", username="chief")
    for actor, version in ((f"user:{chief.pk}", 0), (f"key:ab12 user:{chief.pk}", 1)):
        who: dict[str, Any] = {**WHO, "actor": actor}
        set_weight(weight_bp=500 * (version + 1), expected_version=version, now=now, **who)
    assert "chief" not in str(Job.objects.values_list("args"))
    run_jobs()
    bodies = "".join(str(sent.body) for sent in mail.outbox)
    assert "set by chief: " in bodies
    assert "set by key:ab12 chief: " in bodies
    assert f"user:{chief.pk}" not in bodies


def test_in_charge_are_admins_and_whoever_may_ramp(make_user: Callable[..., User], now: datetime.datetime) -> None:
    ramps = create_group(actor=SYSTEM, fields={"name": "ramps", "permissions": ["canary.ramp", "canary.view"]})
    more = create_group(actor=SYSTEM, fields={"name": "more", "permissions": ["canary.ramp"]})
    looks = create_group(actor=SYSTEM, fields={"name": "looks", "permissions": ["canary.view"]})
    chief, ramper, looker, gone = (make_user(role) for role in ("admin", "author", "author", "admin"))
    set_groups(actor=SYSTEM, user=ramper, groups=[ramps, more])
    set_groups(actor=SYSTEM, user=looker, groups=[looks])
    update_user(actor=SYSTEM, user=gone, changes={"is_active": False}, now=now)
    assert sorted(user.username for user in people_in_charge()) == sorted([chief.username, ramper.username])


def test_who_is_no_longer_in_charge_when_the_mail_is_due_gets_none(
    make_user: Callable[..., User], now: datetime.datetime
) -> None:
    make_user("admin")
    former = make_user("admin")
    roll_back(now=now, **WHO)
    run_job(claim_job(worker="w", now=timezone.now() + datetime.timedelta(seconds=1)), clock=timezone.now)
    update_user(actor=SYSTEM, user=former, changes={"role": "editor"}, now=now)
    run_jobs()
    assert [one.subject for one in mail.outbox] == ["API rollout: rolled back"]
    assert former.email not in [address for one in mail.outbox for address in one.to]
