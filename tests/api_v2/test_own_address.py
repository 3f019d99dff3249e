"""One's own e-mail address and one's own account: neither changes hands by a stolen token or an open browser."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from cms.models import ApiKey, AuditEvent, Job, User
from cms.policy import SYSTEM
from cms.services.api_keys import create_api_key
from cms.services.passwords import change_password
from cms.services.users import update_user
from cms.tokens.mail import Purpose, make_mail_token
from tests.api_v2.sending import codes_of, problem_of, send
from tests.conftest import PASSWORD

VERIFY = "/auth/verify-email"
NEW = "mia@example.net"
CHANGE = {"email": NEW, "current_password": PASSWORD}
BAD_TOKEN = [("/token", "invalid_token")]


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("author", username="mia", password=PASSWORD, email_verified=True)


@pytest.fixture
def own(client_of: Callable[[User], Client], mia: User) -> Client:
    return client_of(mia)


@pytest.fixture
def mails(mailoutbox: list[Any]) -> Callable[[], dict[str, str]]:
    """Run the worker once; the text of each mail that it sent, by address."""

    def send_them() -> dict[str, str]:
        mailoutbox.clear()
        call_command("run_worker", "--once", "--queues", "mail")
        assert all(len(mail.to) == 1 for mail in mailoutbox)
        return {mail.to[0]: mail.body for mail in mailoutbox}

    return send_them


def token_in(text: str) -> str:
    return re.search(r"Token: (\S+)", text)[1]  # type: ignore[index]


def verify(token: str) -> Any:
    return send(Client(), "post", VERIFY, {"token": token})


def test_a_new_address_takes_the_place_of_the_old_one_when_it_is_verified(
    own: Client, mia: User, mails: Callable[[], dict[str, str]], now: datetime.datetime
) -> None:
    old_reset = make_mail_token(Purpose.PASSWORD_RESET, mia, now)
    answer = send(own, "patch", "/me", {**CHANGE, "bio": "I moved."})
    body = answer.json()
    assert answer.headers["ETag"] == send(own, "get", "/me").headers["ETag"]
    assert (body["bio"], body["email"], body["email_verified"], body["pending_email"]) == (
        *("I moved.", "mia@example.org", True),
        NEW,
    )
    sent = mails()
    assert sorted(sent) == [NEW, "mia@example.org"]
    assert "Token" not in sent["mia@example.org"]
    assert NEW in sent["mia@example.org"]
    assert verify(token_in(sent[NEW])).status_code == 204
    body = send(own, "get", "/me").json()
    assert (body["email"], body["email_verified"], body["pending_email"]) == (NEW, True, None)
    events = {event.action: event for event in AuditEvent.objects.filter(object_id=mia.pk, actor=mia)}
    assert events["user.email_change_requested"].after["pending_email"] == NEW
    changed = events["user.email_changed"]
    assert (changed.before["email"], changed.after["email"], changed.api_version) == ("mia@example.org", NEW, 2)
    assert codes_of(verify(token_in(sent[NEW]))) == BAD_TOKEN
    refused = send(Client(), "post", "/auth/password-reset/confirm", {"token": old_reset, "password": "x" * 20})
    assert codes_of(refused) == BAD_TOKEN


@pytest.mark.parametrize("path", ["/me", "/users/{mia}"])
@pytest.mark.parametrize("kind", ["token", "browser"])
@pytest.mark.parametrize(("given", "code"), [({}, "required"), ({"current_password": "wrong"}, "wrong_password")])
def test_without_the_current_password_the_address_stays(
    own: Client, mia: User, kind: str, path: str, given: dict[str, str], code: str
) -> None:
    if kind == "browser":
        own = Client()
        own.force_login(mia)
    answer = send(own, "patch", path.format(mia=mia.pk), {"email": NEW, "bio": "x", **given})
    assert (answer.status_code, codes_of(answer)) == (422, [("/current_password", code)])
    mia.refresh_from_db()
    assert (mia.email, mia.pending_email, mia.bio) == ("mia@example.org", "", "")
    assert not Job.objects.exists()


def test_an_admins_key_needs_the_password_for_its_owner(make_user: Callable[..., User], now: Any) -> None:
    chief = make_user("admin", password=PASSWORD)
    fields: Any = {"name": "Robot", "scopes": ["users:write"]}
    robot = Client(headers={"x-api-key": create_api_key(actor=chief, owner=chief, fields=fields, now=now).raw_key})
    for method, body in (("patch", {"email": NEW}), ("delete", None)):
        assert codes_of(send(robot, method, f"/users/{chief.pk}", body)) == [("/current_password", "required")]


def test_other_changes_need_no_password(own: Client, mia: User) -> None:
    answer = send(own, "patch", "/me", {"bio": "x", "email": mia.email, "current_password": None})
    assert codes_of(answer) == [("/current_password", "invalid_type")]
    assert send(own, "patch", "/me", {"bio": "x", "email": mia.email}).status_code == 200


def test_wrong_passwords_have_the_limit_of_failed_logins(own: Client, mia: User, settings: Any) -> None:
    settings.RATE_LIMIT_LOGIN = 2
    answers = [send(own, "patch", "/me", {"email": NEW, "current_password": "wrong"}) for _ in range(2)]
    answers.append(send(own, "delete", f"/users/{mia.pk}", {"current_password": PASSWORD}))
    assert [answer.status_code for answer in answers] == [422, 422, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    events = AuditEvent.objects.filter(object_id=mia.pk, action__startswith="auth.").order_by("pk")
    assert [event.action for event in events][1:] == ["auth.login_failed", "auth.login_failed", "auth.locked"]


def test_a_wrong_password_is_noted_also_under_if_match(own: Client, mia: User) -> None:
    etag = send(own, "get", "/me").headers["ETag"]
    wrong = {"email": NEW, "current_password": "wrong"}
    assert send(own, "patch", "/me", wrong, **{"If-Match": etag}).status_code == 422
    assert AuditEvent.objects.filter(action="auth.login_failed", object_id=mia.pk).exists()


def test_nobody_learns_whether_the_address_is_taken(
    own: Client, make_user: Callable[..., User], mails: Callable[[], dict[str, str]], mia: User
) -> None:
    """By the same statements; whether a mail goes out is known to the worker alone."""
    make_user(username="leo", email="Leo@example.net")
    answers = [
        send(own, "patch", "/me", {"email": email, "current_password": PASSWORD})
        for email in ("free@example.net", "leo@example.net")
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.json()["pending_email"] for answer in answers] == ["free@example.net", "leo@example.net"]
    assert set(mails()) == {"mia@example.org"}


def test_an_address_that_was_taken_meanwhile_is_refused_to_its_reader(
    own: Client, make_user: Callable[..., User], mails: Callable[[], dict[str, str]], mia: User
) -> None:
    send(own, "patch", "/me", CHANGE)
    token = token_in(mails()[NEW])
    make_user(username="leo", email=NEW.upper())
    answer = verify(token)
    assert (answer.status_code, codes_of(answer)) == (422, [("/token", "email_taken")])
    mia.refresh_from_db()
    assert (mia.email, mia.pending_email) == ("mia@example.org", NEW)


def test_a_new_password_or_the_old_address_withdraws_the_change(
    own: Client, mia: User, mails: Callable[[], dict[str, str]], now: datetime.datetime
) -> None:
    for withdraw in (
        lambda: send(own, "patch", "/me", {"email": mia.email, "current_password": PASSWORD}),
        lambda: change_password(
            user=mia, current_password=PASSWORD, password="another pass-phrase", now=now, kept_session_id=None
        ),
    ):
        send(own, "patch", "/me", CHANGE)
        token = token_in(mails()[NEW])
        withdraw()
        assert codes_of(verify(token)) == BAD_TOKEN
        mia.refresh_from_db()
        assert (mia.email, mia.pending_email) == ("mia@example.org", "")


def test_a_suspension_withdraws_the_change_for_good(
    own: Client, admin: User, client_of: Callable[[User], Client], mia: User, mails: Callable[[], dict[str, str]]
) -> None:
    send(own, "patch", "/me", CHANGE)
    token = token_in(mails()[NEW])
    for action in ("suspend", "activate"):
        body = send(client_of(admin), "post", f"/users/{mia.pk}/actions/{action}").json()
        assert (body["pending_email"], codes_of(verify(token))) == (None, BAD_TOKEN)
    mia.refresh_from_db()
    assert (mia.is_active, mia.email, mia.pending_email) == (True, "mia@example.org", "")


def test_a_change_that_was_asked_for_before_an_earlier_suspension_ends_with_the_activation(
    mia: User, now: datetime.datetime
) -> None:
    User.objects.filter(pk=mia.pk).update(is_active=False, pending_email=NEW)  # as an older release left it
    update_user(actor=SYSTEM, user=mia, changes={"is_active": True}, now=now)
    assert User.objects.get(pk=mia.pk).pending_email == ""


def test_asking_once_more_sends_another_mail(own: Client, mails: Callable[[], dict[str, str]]) -> None:
    for _ in range(2):
        assert send(own, "patch", "/me", CHANGE).status_code == 200
        assert NEW in mails()


@pytest.mark.parametrize(
    "limit", ["account", "address of e-mail", "address of e-mail anywhere", "address of the client"]
)
def test_asking_for_a_new_address_is_limited_as_mails_are(
    make_user: Callable[..., User], client_of: Callable[[User], Client], settings: Any, limit: str
) -> None:
    settings.RATE_LIMIT_MAIL = 1
    users = [make_user(password=PASSWORD) for _ in range(11)]

    def ask(user: User, email: str, address: str) -> int:
        client = client_of(user)
        client.defaults["REMOTE_ADDR"] = address
        answer = send(client, "patch", "/me", {"email": email, "current_password": PASSWORD})
        assert ("Retry-After" in answer.headers) == (answer.status_code == 429)
        return int(answer.status_code)

    asked = {
        "account": [(users[0], f"n{n}@example.net", f"192.0.2.{n}") for n in range(2)],
        "address of e-mail": [(users[n], NEW, "192.0.2.1") for n in range(2)],
        "address of e-mail anywhere": [(users[n], NEW, f"192.0.2.{n}") for n in range(5)],
        "address of the client": [(users[n], f"n{n}@example.net", "192.0.2.1") for n in range(11)],
    }[limit]
    statuses = [ask(*each) for each in asked]
    assert statuses == [200] * (len(asked) - 1) + [429]
    assert User.objects.exclude(pending_email="").count() == len({user.pk for user, *_ in asked[:-1]})


def test_an_admin_gives_others_an_address_at_once_and_both_hear_of_it(
    client_of: Callable[[User], Client], admin: User, mia: User, own: Client, mails: Callable[[], dict[str, str]]
) -> None:
    send(own, "patch", "/me", {"email": "later@example.net", "current_password": PASSWORD})
    mails()
    body = send(client_of(admin), "patch", f"/users/{mia.pk}", {"email": NEW}).json()
    assert (body["email"], body["email_verified"], body["pending_email"]) == (NEW, False, None)
    sent = mails()
    assert sorted(sent) == [NEW, "mia@example.org"]
    assert "An administrator has changed" in sent["mia@example.org"]
    assert verify(token_in(sent[NEW])).status_code == 204


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (None, [("/current_password", "required")]),
        ({}, [("/current_password", "required")]),
        ({"current_password": "wrong"}, [("/current_password", "wrong_password")]),
        ({"current_password": 1}, [("/current_password", "invalid_type")]),
        ({"password": PASSWORD}, [("/password", "unknown_member")]),
    ],
    ids=["no body", "nothing", "wrong", "number", "unknown"],
)
def test_nobody_is_deleted_by_a_stolen_token(own: Client, mia: User, body: Any, errors: list[tuple[str, str]]) -> None:
    answer = send(own, "delete", f"/users/{mia.pk}", body)
    assert (answer.status_code, codes_of(answer)) == (422, errors)
    mia.refresh_from_db()
    assert mia.deleted_at is None


def test_one_deletes_oneself_by_the_password_and_admins_delete_others_without(
    own: Client, mia: User, client_of: Callable[[User], Client], admin: User, make_user: Callable[..., User]
) -> None:
    assert send(own, "delete", f"/users/{mia.pk}", {"current_password": PASSWORD}).status_code == 204
    assert problem_of(send(own, "get", "/me")) == (401, "invalid-token")
    leo = make_user(username="leo")
    assert send(client_of(admin), "delete", f"/users/{leo.pk}").status_code == 204
    assert User.objects.filter(deleted_at=None).count() == 1
    assert not ApiKey.objects.exists()
