"""The addresses that a deleted user had before the last one: what is kept under them goes with the account."""

import datetime
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from cms.jobs.execution import run_job
from cms.jobs.queue import claim_job
from cms.models import AuditEvent, Comment, Invitation, Post, User
from cms.policy import SYSTEM
from cms.services import erasing
from cms.services.comments import create_comment
from cms.services.email_verification import verify_email
from cms.services.invitations import accept_invitation, invite_user
from cms.services.proofs import Proof
from cms.services.user_deletion import delete_user
from cms.services.users import update_user
from cms.tokens.invitations import make_invitation_token
from cms.tokens.mail import Purpose, make_mail_token
from tests.cms.services.conftest import wait_until_waited_for
from tests.conftest import PASSWORD

OLD, NEW = "mia.old@example.org", "mia@example.org"
HOURS = datetime.timedelta(hours=1)


@pytest.fixture
def invite(db: None, now: datetime.datetime) -> Callable[..., Invitation]:
    def make(email: str = "Mia.Old@example.org", by: Any = SYSTEM) -> Invitation:
        return invite_user(actor=by, email=email, role="author", admin_url="https://example.org/admin/", now=now)

    return make


def accept(invitation: Invitation, now: datetime.datetime, username: str = "mia") -> User:
    token = make_invitation_token(invitation.pk)
    return accept_invitation(token=token, username=username, password=PASSWORD, now=now)


def move(user: User, now: datetime.datetime, email: str = NEW) -> User:
    """Another address, asked for and verified by the user."""
    user = update_user(actor=user, user=user, changes={"email": email}, now=now, proof=Proof.of(user, now))
    return verify_email(token=make_mail_token(Purpose.EMAIL_CHANGE, user, now), now=now)


def leave(user: User, now: datetime.datetime) -> None:
    delete_user(actor=user, user=user, now=now, proof=Proof.of(user, now))


def remove(user: User, now: datetime.datetime) -> None:
    delete_user(actor=SYSTEM, user=user, now=now)


def say_as_guest(post: Post, now: datetime.datetime) -> Comment:
    fields: Any = {"text": "Well said.", "author_name": "Mia", "author_email": "Mia.old@example.org"}
    return create_comment(actor=SYSTEM, post=post, fields=fields, now=now)


def name_of(comment: Comment) -> tuple[str, str]:
    comment.refresh_from_db()
    return comment.author_name, comment.author_email


def test_an_invitation_that_was_replaced_goes_with_the_account_of_the_one_that_took_its_place(
    invite: Callable[..., Invitation], now: datetime.datetime
) -> None:
    invite()
    mia = move(accept(invite(), now), now)
    assert Invitation.objects.filter(accepted_by=mia).count() == 2
    AuditEvent.objects.all().delete()  # as after AUDIT_RETENTION_DAYS
    remove(mia, now)
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    ("is_verified", "end", "stays"),
    [(True, remove, False), (True, leave, False), (False, remove, False), (False, leave, True)],
)
def test_what_is_kept_under_an_earlier_address_goes_as_it_does_under_the_last(
    invite: Callable[..., Invitation],
    make_user: Callable[..., User],
    make_post: Callable[..., Post],
    now: datetime.datetime,
    is_verified: bool,
    end: Callable[[User, datetime.datetime], None],
    stays: bool,
) -> None:
    before, comment = invite(), say_as_guest(make_post(), now)
    mia = move(make_user(email=OLD, email_verified=is_verified, password=PASSWORD), now)
    after = invite()
    end(mia, now)
    assert set(Invitation.objects.all()) == ({before, after} if stays else set())
    assert name_of(comment) == (("Mia", "Mia.old@example.org") if stays else ("deleted user", ""))


def test_an_address_that_an_admin_has_replaced_counts_too(
    invite: Callable[..., Invitation], make_user: Callable[..., User], now: datetime.datetime
) -> None:
    invite()
    mia = make_user(email=OLD)
    for email in ("second@example.org", "third@example.org"):
        invite(email)
        mia = update_user(actor=SYSTEM, user=mia, changes={"email": email}, now=now)
    remove(mia, now)
    assert not Invitation.objects.exists()


def test_an_address_that_another_account_has_by_now_is_that_account_s(
    invite: Callable[..., Invitation],
    make_user: Callable[..., User],
    make_post: Callable[..., Post],
    now: datetime.datetime,
) -> None:
    mia = move(make_user(email=OLD, email_verified=True, password=PASSWORD), now)
    accept(invite(), now, "nia")
    comment = say_as_guest(make_post(), now)
    remove(mia, now)
    assert Invitation.objects.get().accepted_by == User.objects.get(username="nia")
    assert name_of(comment) == ("Mia", "Mia.old@example.org")


def test_a_guest_without_an_address_stays_who_he_is(
    make_user: Callable[..., User], make_post: Callable[..., Post], now: datetime.datetime
) -> None:
    fields: Any = {"text": "Well said.", "author_name": "Ada"}
    comment = create_comment(actor=SYSTEM, post=make_post(), fields=fields, now=now)
    remove(move(make_user(email=OLD, email_verified=True, password=PASSWORD), now), now)
    assert name_of(comment) == ("Ada", "")


def test_a_job_finds_the_addresses_of_a_long_life_and_those_that_came_late(
    invite: Callable[..., Invitation],
    make_user: Callable[..., User],
    now: datetime.datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(erasing, "AT_ONCE", 1)
    mia = make_user(email=OLD, email_verified=True)
    for email in ("second@example.org", "third@example.org"):
        mia = update_user(actor=SYSTEM, user=mia, changes={"email": email}, now=now)
    kept = [invite(), invite("second@example.org"), invite("late@example.org"), invite("somebody@example.org")]
    remove(mia, now)
    late: Any = {"before": {"email": "late@example.org", "email_verified": True}, "after": {"email": "x@example.org"}}
    AuditEvent.objects.create(action="user.email_changed", object_type="user", object_id=mia.pk, **late)
    while job := claim_job(worker="w", now=now + HOURS):
        run_job(job, clock=lambda: now)
        assert job.errors == []
    assert list(Invitation.objects.all()) == kept[3:]


def test_a_deletion_that_waits_for_an_acceptance_holds_no_row(
    invite: Callable[..., Invitation], make_user: Callable[..., User], now: datetime.datetime, in_threads: Any
) -> None:
    former = move(make_user(email=OLD, email_verified=True, password=PASSWORD), now)
    invitation = invite()
    is_accepted = threading.Event()

    def accept_slowly() -> User:
        with transaction.atomic():
            user = accept(invitation, now)
            is_accepted.set()
            wait_until_waited_for()
            return User.objects.select_for_update(nowait=True).get(pk=former.pk) and user

    def remove_meanwhile() -> None:
        assert is_accepted.wait(60)
        remove(former, now)

    user, refusal = in_threads([accept_slowly, remove_meanwhile])
    assert (user, refusal) == (User.objects.get(username="mia"), None)
    assert Invitation.objects.get().accepted_by == user


def test_acceptances_and_deletions_never_wait_for_each_other(
    invite: Callable[..., Invitation], make_user: Callable[..., User], now: datetime.datetime, in_threads: Any
) -> None:
    """The one invites, has had the address that is invited, and is deleted: in every order of the rows."""
    make_user("admin")  # one has to stay
    for round_ in range(4):
        inviters = [make_user("admin", email=f"old_{round_}_{n}@example.org") for n in range(3)]
        for one in inviters:
            update_user(actor=SYSTEM, user=one, changes={"email": f"new_{one.username}@example.org"}, now=now)
        jobs: list[Callable[[], object]] = []
        for n, one in enumerate(inviters):
            email = f"old_{round_}_{(n + 1) % 3}@example.org"
            invite(email)
            last = invite(email, by=one)
            jobs += [
                lambda last=last, name=f"new_{round_}_{n}": accept(last, now, name),  # type: ignore[misc]
                lambda one=one: remove(one, now),  # type: ignore[misc]
            ]
        results = in_threads(jobs)
        assert [each for each in results if isinstance(each, Exception) and "token" not in str(each)] == []
