"""Users: registering, changing, suspending, and the last admin."""

import datetime
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from pytest_django.fixtures import Settings

from cms import settings as project_settings
from cms.errors import (
    Duplicate,
    InvalidInput,
    InvalidTransition,
    LastAdmin,
    NotFound,
    PermissionRefused,
)
from cms.limits import RESERVED_USERNAMES
from cms.models import AuditEvent, AuthSession, User
from cms.policy import SYSTEM
from cms.services.proofs import Proof
from cms.services.sessions import open_session
from cms.services.signing_in import sign_in
from cms.services.users import (
    create_user,
    deactivate_user,
    register_user,
    set_password,
    update_user,
)
from tests.cms.services.conftest import codes

PASSWORD = "tall trees in a row"
ASTRAL = "\U0001f600"
MINUTE = datetime.timedelta(minutes=1)
pytestmark = pytest.mark.django_db


# -- registering ------------------------------------------------------------------------------------------------------


def test_a_newcomer_is_an_active_unverified_subscriber_whatever_was_sent(
    register: Any, now: Any, events_of: Any
) -> None:
    user = register(role="admin", is_active=False, email_verified=True)
    user.refresh_from_db()
    assert (user.role, user.is_active, user.email_verified, user.is_staff) == ("subscriber", True, False, False)
    assert (user.created_at, user.updated_at, events_of(user)) == (now, now, ["user.registered"])
    assert PASSWORD not in str(AuditEvent.objects.values("before", "after").get())


def test_a_password_is_hashed_with_argon2id_by_the_parameters_of_owasp(register: Any, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = project_settings.PASSWORD_HASHERS
    assert register().password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"username": ""}, ("username", "required")),
        ({"username": "ab"}, ("username", "too_short")),
        ({"username": "a" * 31}, ("username", "too_long")),
        ({"username": "a b"}, ("username", "invalid_username")),
        ({"username": "ünal"}, ("username", "invalid_username")),
        ({"username": "abc\n"}, ("username", "invalid_username")),
        ({"username": "a@b.c"}, ("username", "invalid_username")),
        ({"username": "Admin"}, ("username", "reserved")),
        ({"email": ""}, ("email", "required")),
        ({"email": "mia"}, ("email", "invalid_email")),
        ({"email": "mia@"}, ("email", "invalid_email")),
        ({"email": "mia@example.org\n"}, ("email", "invalid_email")),
        ({"email": "mia@example.org\x00"}, ("email", "invalid_characters")),
        ({"email": "mi\u212a@example.org"}, ("email", "invalid_email")),
        ({"email": "m" * 243 + "@example.org"}, ("email", "too_long")),
        ({"first_name": ASTRAL * 151}, ("first_name", "too_long")),
        ({"last_name": "a\x00"}, ("last_name", "invalid_characters")),
        ({"display_name": ASTRAL * 101}, ("display_name", "too_long")),
        ({"bio": ASTRAL * 2_001}, ("bio", "too_long")),
        ({"password": ""}, ("password", "required")),
        ({"password": "a b c d"}, ("password", "too_short")),
        ({"password": "x1" * 512 + "y"}, ("password", "too_long")),
        ({"password": "a long \ud800 phrase"}, ("password", "invalid_characters")),
        ({"password": "password"}, ("password", "password_too_common")),
        ({"password": "1357924680246"}, ("password", "password_entirely_numeric")),
        ({"password": "mia@example.org"}, ("password", "password_too_similar")),
    ],
    ids=lambda value: str(value)[:40].encode("ascii", "replace").decode(),
)
def test_a_field_out_of_bounds_is_refused_and_named(register: Any, fields: Any, error: tuple[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        register(**fields)
    assert codes(caught.value) == [error]
    assert not User.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "a_1"},
        {"username": "Z" * 30},
        {"email": "m" * 242 + "@example.org"},
        {"first_name": ASTRAL * 150, "last_name": "e\u0301" * 75},
        {"display_name": ASTRAL * 100, "bio": ASTRAL * 2_000},
        {"password": "eight ch"},
        {"password": ASTRAL * 1_024},
    ],
)
def test_a_field_at_its_limit_is_kept(register: Any, now: Any, fields: dict[str, str]) -> None:
    register(**fields)
    password = fields.pop("password", PASSWORD)
    user = User.objects.get()
    assert {name: getattr(user, name) for name in fields} == fields
    assert sign_in(username_or_email=user.username, password=password, now=now) == user


def test_a_registration_without_names_is_refused_by_name(now: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        register_user(fields={}, password=PASSWORD, now=now)
    assert codes(caught.value) == [("username", "required"), ("email", "required")]


@pytest.mark.parametrize("name", sorted(RESERVED_USERNAMES))
def test_reserved_names_come_from_the_command_line_only(register: Any, make_user: Any, now: Any, name: str) -> None:
    fields: Any = {"username": name.upper(), "email": "x@example.org"}
    with pytest.raises(InvalidInput) as caught:
        register(**fields)
    assert codes(caught.value) == [("username", "reserved")]
    with pytest.raises(InvalidInput):
        create_user(actor=make_user("admin"), fields=fields, password=None, now=now)
    assert create_user(actor=SYSTEM, fields=fields, password=None, now=now).username == name.upper()


def test_whoever_has_a_reserved_name_may_send_it_again(make_user: Any, now: Any) -> None:
    user = make_user("admin", username="root")
    changed = update_user(actor=user, user=user, changes={"username": "root", "bio": "b"}, now=now)
    assert changed.bio == "b"
    with pytest.raises(InvalidInput):
        update_user(actor=user, user=user, changes={"username": "system"}, now=now)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"username": "MIA", "email": "b@example.org"}, "username"),
        ({"username": "bob", "email": "MIA@EXAMPLE.ORG"}, "email"),
    ],
)
def test_names_and_addresses_are_unique_without_case(register: Any, now: Any, fields: Any, field: str) -> None:
    register()
    with pytest.raises(Duplicate) as caught:
        register(**fields)
    assert (caught.value.code, caught.value.field) == ("duplicate", field)
    other = register(username="other", email="other@example.org")
    with pytest.raises(Duplicate):
        update_user(actor=other, user=other, changes={field: fields[field]}, now=now)  # type: ignore[misc]
    assert AuditEvent.objects.count() == 2


# -- changing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["subscriber", "author", "editor"])
def test_only_admins_change_others(make_user: Any, now: Any, role: str) -> None:
    victim = make_user(username="victim")
    for actor in (make_user(role), AnonymousUser(), make_user("admin", is_active=False)):
        with pytest.raises(PermissionRefused):
            update_user(actor=actor, user=victim, changes={"bio": "x"}, now=now)
        with pytest.raises(PermissionRefused):
            set_password(actor=actor, user=victim, password=PASSWORD, now=now)
        with pytest.raises(PermissionRefused):
            create_user(actor=actor, fields={"username": "new", "email": "n@example.org"}, password=None, now=now)


@pytest.mark.parametrize("changes", [{"role": "admin"}, {"is_active": True}, {"email_verified": True}])
def test_nobody_raises_themselves(make_user: Any, now: Any, changes: Any) -> None:
    for role in ("subscriber", "editor"):
        user = make_user(role)
        with pytest.raises(PermissionRefused):
            update_user(actor=user, user=user, changes=changes, now=now)


def test_a_suspended_user_changes_nothing_any_more(make_user: Any, now: Any) -> None:
    user = make_user(is_active=False)
    with pytest.raises(PermissionRefused):
        update_user(actor=user, user=user, changes={"bio": "x"}, now=now)
    with pytest.raises(PermissionRefused):
        set_password(actor=user, user=user, password=PASSWORD, now=now)


@pytest.mark.parametrize(
    ("changes", "events"),
    [
        ({"bio": "b"}, ["user.updated"]),
        ({"role": "editor"}, ["user.role_changed"]),
        ({"email": "new@example.org"}, ["user.email_changed"]),
        ({"is_active": False}, ["user.suspended"]),
        ({"role": "editor", "email": "new@example.org"}, ["user.role_changed", "user.email_changed"]),
        ({"role": "subscriber", "bio": ""}, []),
    ],
)
def test_what_a_change_is_called(make_user: Any, now: Any, events_of: Any, changes: Any, events: list[str]) -> None:
    user = make_user()
    after = update_user(actor=make_user("admin"), user=user, changes=changes, now=now + MINUTE)
    assert events_of(user) == ["user.registered", *events]
    assert (after.updated_at > user.updated_at) == bool(events)


def test_another_address_is_not_verified_because_the_last_one_was(make_user: Any, now: Any) -> None:
    user = make_user(email_verified=True)
    assert update_user(actor=user, user=user, changes={"bio": "x"}, now=now).email_verified
    assert not update_user(actor=SYSTEM, user=user, changes={"email": "new@example.org"}, now=now).email_verified
    changes: Any = {"email": "newer@example.org", "email_verified": True}
    assert update_user(actor=SYSTEM, user=user, changes=changes, now=now).email_verified


def test_activating_is_an_event_and_ends_no_session(make_user: Any, now: Any, events_of: Any) -> None:
    user = make_user(is_active=False)
    update_user(actor=SYSTEM, user=user, changes={"is_active": True}, now=now)
    assert events_of(user)[-1] == "user.activated"


def test_a_role_is_one_of_four(make_user: Any, now: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        update_user(actor=SYSTEM, user=make_user(), changes={"role": "owner"}, now=now)
    assert codes(caught.value) == [("role", "invalid_choice")]


def test_a_user_is_deactivated_by_oneself_or_an_admin_and_by_nobody_else(make_user: Any, now: Any) -> None:
    user, admin = make_user(), make_user("admin")
    for stranger in (make_user("editor"), AnonymousUser()):
        with pytest.raises(PermissionRefused):
            deactivate_user(actor=stranger, user=user, now=now)
    open_session(user=user, now=now)
    for signed_in_at in (None, now - 60 * MINUTE):
        with pytest.raises(PermissionRefused):
            deactivate_user(actor=user, user=user, now=now, signed_in_at=signed_in_at)
    assert not deactivate_user(actor=user, user=user, now=now, signed_in_at=now - 59 * MINUTE).is_active
    assert not AuthSession.objects.filter(user=user, revoked_at=None).exists()
    assert not deactivate_user(actor=admin, user=user, now=now).is_active
    assert AuditEvent.objects.filter(object_id=user.pk, action="user.suspended").count() == 1
    with pytest.raises(LastAdmin):
        deactivate_user(actor=admin, user=admin, now=now, signed_in_at=now)


def test_suspending_ends_every_session(make_user: Any, now: Any) -> None:
    user, other = make_user(), make_user()
    for owner in (user, user, other):
        open_session(user=owner, now=now)
    update_user(actor=SYSTEM, user=user, changes={"is_active": False}, now=now + MINUTE)
    assert set(AuthSession.objects.values_list("user", "revoked_at")) == {(user.pk, now + MINUTE), (other.pk, None)}


def test_a_new_password_ends_every_session_and_takes_effect(register: Any, now: Any, events_of: Any) -> None:
    user = register()
    open_session(user=user, now=now)
    with pytest.raises(InvalidInput):
        set_password(actor=user, user=user, password="another long phrase", now=now)
    set_password(actor=user, user=user, password="another long phrase", now=now, proof=Proof.of(user, now))
    assert AuthSession.objects.get().revoked_at == now
    assert sign_in(username_or_email="mia", password="another long phrase", now=now) == user
    assert events_of(user) == ["user.registered", "auth.login", "user.password_changed"]
    with pytest.raises(InvalidInput) as caught:
        set_password(actor=user, user=user, password="short", now=now, proof=Proof.of(user, now))
    assert codes(caught.value) == [("password", "too_short")]


def test_a_deleted_user_is_changed_no_more(make_user: Any, now: Any) -> None:
    user = make_user()
    User.objects.update(is_active=False, deleted_at=now)
    with pytest.raises(InvalidTransition) as caught:
        update_user(actor=SYSTEM, user=user, changes={"is_active": True}, now=now)
    assert (caught.value.current, caught.value.allowed) == ("deleted", ())


def test_a_user_that_is_gone_is_not_found(make_user: Any, now: Any) -> None:
    user = make_user()
    AuditEvent.objects.all().delete()
    User.objects.all().delete()
    with pytest.raises(NotFound):
        update_user(actor=SYSTEM, user=user, changes={"bio": "b"}, now=now)


# -- the last admin ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{"role": "editor"}, {"is_active": False}, {"role": "editor", "is_active": False}])
def test_the_last_active_admin_stays(make_user: Any, now: Any, changes: Any) -> None:
    admin = make_user("admin")
    make_user("admin", is_active=False)
    make_user("editor")
    for actor in (admin, SYSTEM):
        with pytest.raises(LastAdmin) as caught:
            update_user(actor=actor, user=admin, changes=changes, now=now)
        assert caught.value.code == "last_admin"
    assert User.objects.get(pk=admin.pk).is_superuser
    assert not AuditEvent.objects.exclude(action="user.registered").exists()


def test_one_of_two_admins_may_go(make_user: Any, now: Any) -> None:
    first, second = make_user("admin"), make_user("admin")
    assert update_user(actor=second, user=first, changes={"role": "author"}, now=now).role == "author"
    with pytest.raises(LastAdmin):
        update_user(actor=second, user=second, changes={"is_active": False}, now=now)


def test_an_admin_whom_nobody_missed_may_be_demoted(make_user: Any, now: Any) -> None:
    admin, suspended = make_user("admin"), make_user("admin", is_active=False)
    assert update_user(actor=admin, user=suspended, changes={"role": "author"}, now=now).role == "author"
    assert update_user(actor=admin, user=admin, changes={"bio": "still here"}, now=now).bio == "still here"
