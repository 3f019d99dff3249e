"""Deleting a user: everything personal goes, what was written stays. And what ends with a suspension."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.test import Client

from cms.errors import InvalidCredentials, InvalidInput, InvalidToken, InvalidTransition, LastAdmin, PermissionRefused
from cms.models import ApiKey, AuditEvent, AuthSession, ImportRecord, Post, User
from cms.policy import SYSTEM
from cms.services.api_keys import ApiKeyFields, create_api_key, update_api_key
from cms.services.confirming import confirm_deletion
from cms.services.proofs import Proof
from cms.services.sessions import open_session, refresh_session
from cms.services.signing_in import sign_in
from cms.services.user_deletion import delete_user
from cms.services.users import register_user, set_password, update_user

PASSWORD = "a long enough pass-phrase"
KEY_WORDS = ("keys@example.org", "phone@example.org", "Mias laptop", "Mias phone")
PERSONAL = ("mia_k", "mia@example.org", "mia.next@example.org", "Amalia", "Kranz", "Mia K.", "Gardener", *KEY_WORDS)


@pytest.fixture
def mia(make_user: Callable[..., User], now: datetime.datetime) -> User:
    """An author with a life: a changed address and another one that waits, a key, a group, an import that made her."""
    names = {"first_name": "Amalia", "last_name": "Kranz", "display_name": "Mia K.", "bio": "Gardener"}
    mia = make_user("author", username="mia_k", email="mia.old@example.org", password=PASSWORD, **names)
    mia = update_user(actor=SYSTEM, user=mia, changes={"email": "mia@example.org", "bio": "Gardener."}, now=now)
    mia = update_user(actor=mia, user=mia, changes={"email": "mia.next@example.org"}, now=now)
    key: ApiKeyFields = {"name": "Mias phone", "scopes": ["posts:read"], "contact_email": "phone@example.org"}
    api_key = create_api_key(actor=mia, owner=mia, fields=key, now=now).api_key
    changes: ApiKeyFields = {"name": "Mias laptop", "contact_email": "keys@example.org"}
    update_api_key(actor=mia, api_key=api_key, changes=changes, now=now)
    mia.groups.add(Group.objects.create(name="on call"))
    original = {"username": "mia_k", "email": "mia@example.org"}
    ImportRecord.objects.create(
        source="s", object_type="user", external_id="1", object_id=mia.pk, digest="d", original=original
    )
    return mia


def leave(user: User, now: datetime.datetime, password: str | None = PASSWORD) -> User:
    """Deleted by oneself."""
    proof = confirm_deletion(actor=user, user=user, current_password=password, now=now)
    return delete_user(actor=user, user=user, now=now, proof=proof)


def test_deleting_leaves_nothing_personal_in_the_row(mia: User, now: datetime.datetime) -> None:
    gone = leave(mia, now)
    stored = User.objects.get(pk=mia.pk)
    assert stored.username == f"deleted_{mia.pk.hex[-12:]}"
    assert stored.email == f"{stored.username}@deleted.invalid"
    assert (stored.first_name, stored.last_name, stored.bio, stored.display_name) == ("", "", "", "deleted user")
    assert stored.pending_email == ""
    assert (stored.is_active, stored.role, stored.email_verified, stored.last_login) == (
        False,
        "subscriber",
        False,
        None,
    )
    assert (stored.deleted_at, gone.deleted_at, stored.has_usable_password()) == (now, now, False)
    assert not stored.groups.exists()


def test_nothing_of_the_person_is_left_in_the_records_around(mia: User, now: datetime.datetime) -> None:
    before = AuditEvent.objects.filter(object_id=mia.pk).count()
    delete_user(actor=SYSTEM, user=mia, now=now)
    events = AuditEvent.objects.filter(object_id=mia.pk).order_by("pk")
    rows = [*events.values_list("before", "after"), *ApiKey.objects.values_list("name", "contact_email")]
    text = str([*rows, *ImportRecord.objects.values_list("original")])
    assert not [word for word in (*PERSONAL, "mia.old") if word in text]
    assert [event.action for event in events][-1] == "user.deleted"
    assert len(events) == before + 1
    assert events[0].after["role"] == "author"


def test_the_audit_trail_keeps_neither_names_nor_contacts_of_the_persons_keys(mia: User, now: Any) -> None:
    events = AuditEvent.objects.filter(object_id=ApiKey.objects.get().pk).order_by("pk")
    before = str([*events.values_list("before", "after")])
    delete_user(actor=SYSTEM, user=mia, now=now)
    after = str([*events.values_list("before", "after")])
    assert [word for word in KEY_WORDS if word in before] == [*KEY_WORDS]
    assert [word for word in KEY_WORDS if word in after] == []
    assert [event.action for event in events] == ["api_key.created", "api_key.updated"]


def test_the_audit_trail_of_others_is_left_alone(mia: User, make_user: Callable[..., User], now: Any) -> None:
    other = make_user("author", username="other")
    delete_user(actor=SYSTEM, user=mia, now=now)
    assert AuditEvent.objects.get(object_id=other.pk).after["username"] == "other"


def test_name_and_address_are_free_again(mia: User, now: datetime.datetime) -> None:
    leave(mia, now)
    fields: Any = {"username": "MIA_K", "email": "Mia@example.org"}
    assert register_user(fields=fields, password=PASSWORD, now=now).pk != mia.pk


def test_what_was_written_stays_under_a_deleted_user(mia: User, make_post: Callable[..., Post], now: Any) -> None:
    post = make_post(by=mia)
    delete_user(actor=SYSTEM, user=mia, now=now)
    post = Post.objects.public(now).get(pk=post.pk)
    assert (post.author.pk, post.author.get_full_name()) == (mia.pk, "deleted user")


def test_sessions_and_keys_end_at_once(mia: User, now: datetime.datetime, client_of: Any) -> None:
    browser, api = Client(), client_of(mia)
    browser.force_login(mia)
    tokens = open_session(user=mia, now=now)
    delete_user(actor=SYSTEM, user=mia, now=now)
    assert browser.get("/admin/").status_code == 302
    assert api.get("/api/v2/me").status_code == 401
    with pytest.raises(InvalidToken):
        refresh_session(refresh_token=tokens.refresh_token, now=now)
    with pytest.raises(InvalidCredentials):
        sign_in(username_or_email="mia_k", password=PASSWORD, now=now)
    assert not AuthSession.objects.filter(revoked_at=None).exists()
    assert not ApiKey.objects.get().is_active


def test_a_deleted_user_is_deleted_for_good(mia: User, now: datetime.datetime) -> None:
    delete_user(actor=SYSTEM, user=mia, now=now)
    for act in (
        lambda: delete_user(actor=SYSTEM, user=mia, now=now),
        lambda: update_user(actor=SYSTEM, user=mia, changes={"is_active": True}, now=now),
        lambda: update_user(actor=SYSTEM, user=mia, changes={"username": "mia_k"}, now=now),
        lambda: set_password(actor=SYSTEM, user=mia, password=PASSWORD, now=now),
    ):
        with pytest.raises(InvalidTransition) as caught:
            act()
        assert (caught.value.current, caught.value.allowed) == ("deleted", ())
    assert not User.objects.get(pk=mia.pk).has_usable_password()


def test_a_suspended_user_can_be_deleted(mia: User, now: datetime.datetime) -> None:
    update_user(actor=SYSTEM, user=mia, changes={"is_active": False}, now=now)
    assert delete_user(actor=SYSTEM, user=mia, now=now).deleted_at == now


@pytest.mark.parametrize("who", ["stranger", "editor", "suspended"])
def test_others_delete_nobody(mia: User, make_user: Callable[..., User], now: Any, who: str) -> None:
    actors: Any = {"stranger": AnonymousUser(), "editor": make_user("editor")}
    if who == "suspended":
        mia.is_active = False
    with pytest.raises(PermissionRefused):
        delete_user(actor=actors.get(who, mia), user=mia, now=now)
    assert User.objects.get(pk=mia.pk).deleted_at is None


def test_the_last_active_admin_stays(make_user: Callable[..., User], now: datetime.datetime) -> None:
    admin, suspended = make_user("admin", password=PASSWORD), make_user("admin", is_active=False)
    with pytest.raises(LastAdmin):
        delete_user(actor=SYSTEM, user=admin, now=now)
    with pytest.raises(LastAdmin):
        leave(admin, now)
    delete_user(actor=admin, user=suspended, now=now)
    second = make_user("admin")
    assert delete_user(actor=second, user=admin, now=now).deleted_at == now


def test_nobody_is_deleted_by_oneself_without_the_password(mia: User, make_user: Callable[..., User], now: Any) -> None:
    of_another = Proof.of(make_user(), now)
    for password, code in ((None, "required"), ("wrong", "wrong_password")):
        with pytest.raises(InvalidInput) as caught:
            leave(mia, now, password)
        assert [(error.field, error.code) for error in caught.value.errors] == [("current_password", code)]
    for proof in (None, of_another):
        with pytest.raises(InvalidInput):
            delete_user(actor=mia, user=mia, now=now, proof=proof)
    assert User.objects.get(pk=mia.pk).deleted_at is None


def test_a_name_that_somebody_has_taken_is_no_obstacle(mia: User, make_user: Callable[..., User], now: Any) -> None:
    squatted = f"deleted_{mia.pk.hex[-12:]}"
    make_user(username=squatted.upper(), email="x@example.org")
    gone = delete_user(actor=SYSTEM, user=mia, now=now)
    assert gone.username.startswith("deleted_")
    assert gone.username != squatted


def test_the_event_names_nobody(mia: User, now: datetime.datetime) -> None:
    leave(mia, now)
    event = AuditEvent.objects.get(action="user.deleted")
    assert (event.actor_id, event.before, event.after) == (mia.pk, {"role": "author", "is_active": True}, {})


# -- what a suspension ends ------------------------------------------------------------------------------------------


def test_suspending_ends_browser_sessions_and_activating_brings_none_back(
    make_user: Callable[..., User], now: datetime.datetime
) -> None:
    editor, browser = make_user("editor"), Client()
    browser.force_login(editor)
    assert browser.get("/admin/").status_code == 200
    update_user(actor=SYSTEM, user=editor, changes={"is_active": False}, now=now)
    assert browser.get("/admin/").status_code == 302
    update_user(actor=SYSTEM, user=editor, changes={"is_active": True}, now=now)
    assert browser.get("/admin/").status_code == 302
    browser.force_login(User.objects.get(pk=editor.pk))
    assert browser.get("/admin/").status_code == 200


def test_suspending_ends_keys_for_good(mia: User, now: datetime.datetime) -> None:
    for is_active in (False, True):
        update_user(actor=SYSTEM, user=mia, changes={"is_active": is_active}, now=now)
    assert not ApiKey.objects.get().is_active


def test_signing_out_ends_the_browser_session_that_asked_and_no_other(make_user: Callable[..., User]) -> None:
    editor, browser, other = make_user("editor"), Client(), Client()
    browser.force_login(editor)
    other.force_login(editor)
    stolen = browser.cookies["sessionid"].value
    browser.post("/admin/logout/")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert thief.get("/admin/").status_code == 302
    assert other.get("/admin/").status_code == 200
