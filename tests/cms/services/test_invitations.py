"""Invitations: by admins alone, for one account, until they are accepted, revoked or expired."""

import datetime
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from cms.errors import Duplicate, InvalidInput, InvalidToken, InvalidTransition, PermissionRefused
from cms.models import AuditEvent, Invitation, Job, User
from cms.policy import SYSTEM
from cms.services.invitations import (
    accept_invitation,
    find_invitation,
    invite_user,
    revoke_invitation,
    state_of,
)
from cms.services.mails import send_invitation
from cms.services.signing_in import sign_in
from cms.services.user_deletion import delete_user
from cms.services.users import update_user
from cms.tokens.invitations import make_invitation_token
from tests.cms.services.conftest import wait_until_waited_for
from tests.conftest import PASSWORD

URL = "https://cms.example.org/admin/"
WEEK = datetime.timedelta(days=7)


@pytest.fixture
def invite(admin: User, now: datetime.datetime) -> Callable[..., Invitation]:
    def make(by: Any = admin, email: str = "Nia@example.org", role: str = "editor") -> Invitation:
        return invite_user(actor=by, email=email, role=role, admin_url=URL, now=now)

    return make


def accept(invitation: Invitation, now: datetime.datetime, username: str = "nia") -> User:
    token = make_invitation_token(invitation.pk)
    return accept_invitation(token=token, username=username, password=PASSWORD, now=now)


def test_the_mail_leads_to_the_admin_site_and_its_reader_gets_the_account(
    invite: Callable[..., Invitation], now: datetime.datetime, mailoutbox: list[Any]
) -> None:
    invitation = invite()
    assert send_invitation.call(*Job.objects.get().args)
    assert mailoutbox[0].to == ["Nia@example.org"]
    assert f"{URL}invitation/{make_invitation_token(invitation.pk)}/\n" in mailoutbox[0].body
    user = accept(invitation, now)
    assert (user.email, user.role, user.email_verified) == ("Nia@example.org", "editor", True)
    assert sign_in(username_or_email="nia", password=PASSWORD, now=now) == user
    invitation.refresh_from_db()
    assert (invitation.accepted_by, state_of(invitation, now)) == (user, "accepted")
    assert not send_invitation.call(*Job.objects.get().args)


def test_what_happened_is_in_the_audit_trail_without_the_address(
    invite: Callable[..., Invitation], admin: User, now: datetime.datetime
) -> None:
    first, second = invite(), invite(email="mia@example.org")
    revoke_invitation(actor=admin, invitation=first, now=now)
    user = accept(second, now, "mia")
    events = AuditEvent.objects.filter(object_type="invitation").order_by("pk")
    assert [(event.action, event.actor) for event in events] == [
        ("invitation.created", admin),
        ("invitation.created", admin),
        ("invitation.revoked", admin),
        ("invitation.accepted", user),
    ]
    assert "example.org" not in str(list(events.values("before", "after")))


def refused(invitation: Invitation, now: datetime.datetime) -> None:
    with pytest.raises(InvalidInput, match="token"):
        accept(invitation, now)
    assert not User.objects.filter(username="nia").exists()


def test_an_invitation_is_good_for_one_account(invite: Callable[..., Invitation], now: datetime.datetime) -> None:
    invitation = invite()
    accept(invitation, now, "first")
    refused(invitation, now)


def test_of_two_readers_of_one_mail_one_gets_the_account(
    invite: Callable[..., Invitation], now: datetime.datetime, in_threads: Any
) -> None:
    invitation = invite()
    found = in_threads([lambda name=name: accept(invitation, now, name) for name in ("one", "two", "three")])
    assert [type(each) for each in found].count(User) == 1


def test_of_two_invitations_to_one_address_at_the_same_time_one_stays_open(
    invite: Callable[..., Invitation], make_user: Callable[..., User], now: datetime.datetime, in_threads: Any
) -> None:
    other = make_user("admin")
    is_invited = threading.Event()

    def invite_slowly() -> None:
        with transaction.atomic():
            invite()
            is_invited.set()
            wait_until_waited_for()

    def invite_meanwhile() -> Invitation:
        assert is_invited.wait(60)
        return invite(by=other, email="NIA@example.org")

    first, second = in_threads([invite_slowly, invite_meanwhile])
    assert first is None, first
    assert (list(Invitation.objects.open(now)), Invitation.objects.count()) == ([second], 2)


def test_who_is_invited_while_the_account_is_made_is_a_user_already(
    invite: Callable[..., Invitation], now: datetime.datetime, in_threads: Any
) -> None:
    invitation = invite()
    is_accepted = threading.Event()

    def accept_slowly() -> None:
        with transaction.atomic():
            accept(invitation, now)
            is_accepted.set()
            wait_until_waited_for()

    def invite_meanwhile() -> Invitation:
        assert is_accepted.wait(60)
        return invite()

    _, refusal = in_threads([accept_slowly, invite_meanwhile])
    assert isinstance(refusal, Duplicate)
    assert not Invitation.objects.open(now).exists()


def test_a_revoked_an_expired_and_a_replaced_one_open_nothing(
    invite: Callable[..., Invitation], admin: User, now: datetime.datetime
) -> None:
    replaced = invite()
    revoked = invite(email="NIA@example.org")
    refused(replaced, now)
    revoke_invitation(actor=admin, invitation=revoked, now=now)
    refused(revoked, now)
    with pytest.raises(InvalidTransition):
        revoke_invitation(actor=admin, invitation=revoked, now=now)
    refused(invite(), now + WEEK)


def test_an_invitation_of_who_is_admin_no_more_opens_nothing(
    invite: Callable[..., Invitation], make_user: Callable[..., User], now: datetime.datetime
) -> None:
    other = make_user("admin")
    invitation = invite(by=other)
    update_user(actor=SYSTEM, user=other, changes={"role": "editor"}, now=now)
    refused(invitation, now)


def demote(user: User, now: datetime.datetime) -> None:
    update_user(actor=SYSTEM, user=user, changes={"role": "subscriber"}, now=now)


def suspend(user: User, now: datetime.datetime) -> None:
    update_user(actor=SYSTEM, user=user, changes={"is_active": False}, now=now)


def delete(user: User, now: datetime.datetime) -> None:
    delete_user(actor=SYSTEM, user=user, now=now)


ENDS = pytest.mark.parametrize("end", [demote, suspend, delete], ids=lambda end: end.__name__)


def promote(user: User, now: datetime.datetime) -> None:
    update_user(actor=SYSTEM, user=user, changes={"role": "admin", "is_active": True}, now=now)


@pytest.mark.parametrize("end", [demote, suspend], ids=lambda end: end.__name__)
def test_an_inviter_who_is_admin_again_gives_no_life_to_what_has_ended(
    invite: Callable[..., Invitation],
    make_user: Callable[..., User],
    admin: User,
    now: datetime.datetime,
    end: Callable[[User, datetime.datetime], None],
) -> None:
    other = make_user("admin")
    ended, kept = invite(by=other, role="admin"), invite(email="mia@example.org")
    end(other, now)
    promote(other, now)
    refused(ended, now)
    ended.refresh_from_db()
    assert state_of(ended, now) == "revoked"
    events = AuditEvent.objects.filter(action="invitation.revoked")
    assert [(event.object_id, event.actor) for event in events] == [(ended.pk, None)]
    assert accept(kept, now, "mia").role == "editor"


def test_an_invitation_stays_when_its_inviter_changes_something_else(
    invite: Callable[..., Invitation], admin: User, now: datetime.datetime
) -> None:
    invitation = invite()
    update_user(actor=admin, user=admin, changes={"role": "admin", "is_active": True, "bio": "Nia's aunt"}, now=now)
    assert accept(invitation, now)


@pytest.mark.parametrize("changes", [{"role": "editor"}, {"is_active": False}], ids=["demotes", "suspends"])
def test_an_admin_who_leaves_revokes_the_own_invitations(
    invite: Callable[..., Invitation], make_user: Callable[..., User], now: datetime.datetime, changes: Any
) -> None:
    leaving = make_user("admin")
    invitation = invite(by=leaving)
    make_user("admin")
    update_user(actor=leaving, user=leaving, changes=changes, now=now)
    event = AuditEvent.objects.get(action="invitation.revoked")
    assert (event.object_id, event.actor) == (invitation.pk, leaving)


def test_a_deletion_revokes_what_the_user_has_sent(
    invite: Callable[..., Invitation], make_user: Callable[..., User], now: datetime.datetime
) -> None:
    invitation = invite(by=(other := make_user("admin")))
    delete(other, now)
    invitation.refresh_from_db()
    assert state_of(invitation, now) == "revoked"


@ENDS
def test_an_inviter_who_goes_while_the_password_is_hashed_is_asked_for_again(
    invite: Callable[..., Invitation],
    make_user: Callable[..., User],
    now: datetime.datetime,
    meanwhile: Callable[..., None],
    end: Callable[[User, datetime.datetime], None],
) -> None:
    other = make_user("admin")
    invitation = invite(by=other, role="admin")
    meanwhile(lambda: end(other, now))
    refused(invitation, now)
    invitation.refresh_from_db()
    assert (state_of(invitation, now), invitation.accepted_by) == ("revoked", None)


@ENDS
def test_an_acceptance_waits_for_the_end_of_its_inviter(
    invite: Callable[..., Invitation],
    make_user: Callable[..., User],
    now: datetime.datetime,
    in_threads: Any,
    end: Callable[[User, datetime.datetime], None],
) -> None:
    other = make_user("admin")
    invitation = invite(by=other, role="admin")
    is_ending = threading.Event()

    def end_slowly() -> None:
        with transaction.atomic():
            end(other, now)
            is_ending.set()
            wait_until_waited_for()

    def accept_meanwhile() -> User:
        assert is_ending.wait(60)
        return accept(invitation, now)

    _, result = in_threads([end_slowly, accept_meanwhile])
    assert isinstance(result, InvalidInput)
    assert not User.objects.filter(username="nia").exists()


@ENDS
def test_who_is_admin_no_more_by_the_time_invites_nobody(
    invite: Callable[..., Invitation],
    make_user: Callable[..., User],
    now: datetime.datetime,
    in_threads: Any,
    end: Callable[[User, datetime.datetime], None],
) -> None:
    other = make_user("admin")
    is_ending = threading.Event()

    def end_slowly() -> None:
        with transaction.atomic():
            end(other, now)
            is_ending.set()
            wait_until_waited_for()

    def invite_meanwhile() -> Invitation:
        assert is_ending.wait(60)
        return invite(by=other, role="admin")

    _, result = in_threads([end_slowly, invite_meanwhile])
    assert isinstance(result, PermissionRefused)
    assert not Invitation.objects.exists()


@ENDS
def test_acceptances_and_ends_of_inviters_never_wait_for_each_other(
    invite: Callable[..., Invitation],
    make_user: Callable[..., User],
    now: datetime.datetime,
    in_threads: Any,
    end: Callable[[User, datetime.datetime], None],
) -> None:
    inviters = [make_user("admin") for _ in range(4)]
    invitations = [invite(by=each, email=f"{each.username}_{n}@example.org") for each in inviters for n in range(2)]
    accepting = [lambda n=n, one=one: accept(one, now, f"new_{n}") for n, one in enumerate(invitations)]
    ending = [lambda user=user: end(user, now) for user in inviters]
    results = in_threads([*accepting, *ending])
    assert [one for one in results if isinstance(one, Exception) and not isinstance(one, InvalidInput)] == []


@ENDS
def test_new_invitations_revocations_and_ends_of_inviters_never_wait_for_each_other(
    invite: Callable[..., Invitation],
    make_user: Callable[..., User],
    now: datetime.datetime,
    in_threads: Any,
    end: Callable[[User, datetime.datetime], None],
) -> None:
    inviters = [make_user("admin") for _ in range(4)]
    sent = [invite(by=each, email=f"{each.username}_{n}@example.org") for each in inviters for n in range(2)]
    inviting = [lambda one=one: invite(by=one.invited_by, email=one.email) for one in sent[::2]]
    revoking = [lambda one=one: revoke_invitation(actor=one.invited_by, invitation=one, now=now) for one in sent[1::2]]
    ending = [lambda user=user: end(user, now) for user in inviters]
    results = in_threads([*inviting, *revoking, *ending])
    refusals = (InvalidTransition, PermissionRefused, InvalidToken)
    assert [one for one in results if isinstance(one, Exception) and not isinstance(one, refusals)] == []


@pytest.mark.parametrize("token", ["", "x", "0" * 32, f"{'0' * 32}:x", "\ud800", make_invitation_token.__name__])
def test_a_forged_token_opens_nothing(db: None, now: datetime.datetime, token: str) -> None:
    with pytest.raises(InvalidInput):
        find_invitation(token=token, now=now)


@pytest.mark.parametrize(
    ("username", "password"), [("nia", "short"), ("n", PASSWORD), ("admin", PASSWORD), ("a b c", PASSWORD)]
)
def test_a_name_or_password_that_may_not_be_leaves_the_invitation_open(
    invite: Callable[..., Invitation], now: datetime.datetime, username: str, password: str
) -> None:
    invitation = invite(by=SYSTEM)
    token = make_invitation_token(invitation.pk)
    with pytest.raises(InvalidInput):
        accept_invitation(token=token, username=username, password=password, now=now)
    assert accept(invitation, now)


def test_a_taken_name_or_address_leaves_the_invitation_open(
    invite: Callable[..., Invitation], make_user: Callable[..., User], now: datetime.datetime
) -> None:
    invitation = invite()
    make_user(username="nia", email="other@example.org")
    with pytest.raises(Duplicate):
        accept(invitation, now)
    assert accept(invitation, now, "nia2")
    with pytest.raises(Duplicate):
        invite()


@pytest.mark.parametrize("fields", [{"email": "no address"}, {"role": "owner"}])
def test_a_wrong_address_or_role_is_refused(invite: Callable[..., Invitation], fields: Any) -> None:
    with pytest.raises(InvalidInput):
        invite(**fields)


def test_nobody_but_admins_invites_and_revokes(
    invite: Callable[..., Invitation], editor: User, now: datetime.datetime
) -> None:
    with pytest.raises(PermissionRefused):
        invite(by=editor)
    with pytest.raises(PermissionRefused):
        revoke_invitation(actor=editor, invitation=invite(), now=now)


def test_an_invitation_goes_with_the_user_who_has_accepted_it(
    invite: Callable[..., Invitation], now: datetime.datetime
) -> None:
    delete_user(actor=SYSTEM, user=accept(invite(), now), now=now)
    assert not Invitation.objects.exists()
