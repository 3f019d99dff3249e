"""What is done by way of a mail: new passwords and verified addresses, without a word about who is here."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cms.models import AuditEvent, AuthSession, Job, User
from cms.services.api_keys import create_api_key
from cms.tokens.mail import Purpose, make_mail_token
from tests.api_v2.sending import codes_of, problem_of, send
from tests.conftest import PASSWORD

NEW = "another long pass-phrase"
RESET, CONFIRM, VERIFY = "/auth/password-reset", "/auth/password-reset/confirm", "/auth/verify-email"
BAD_TOKEN = [("/token", "invalid_token")]


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("author", username="mia", password=PASSWORD)


@pytest.fixture
def token_in_mail(mailoutbox: list[Any]) -> Callable[[], str]:
    """Run the worker once; the token of the one mail that it sent."""

    def read() -> str:
        mailoutbox.clear()
        call_command("run_worker", "--once", "--queues", "mail")
        (sent,) = mailoutbox
        return re.search(r"Token: (\S+)", sent.body)[1]  # type: ignore[index]

    return read


def confirm(token: str, password: str = NEW) -> Any:
    return send(Client(), "post", CONFIRM, {"token": token, "password": password})


def test_a_forgotten_password_is_set_anew_by_mail(
    client_of: Callable[[User], Client], mia: User, token_in_mail: Callable[[], str]
) -> None:
    signed_in = client_of(mia)
    answer = send(Client(), "post", RESET, {"email": "MIA@example.org"})
    assert (answer.status_code, answer.content, answer.headers["Cache-Control"]) == (202, b"", "no-store")
    token = token_in_mail()
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == (["mia@example.org"], "Set a new password")
    assert confirm(token).status_code == 204
    mia.refresh_from_db()
    assert mia.check_password(NEW)
    assert send(signed_in, "get", "/me").status_code == 401
    assert AuditEvent.objects.filter(action="user.password_changed").get().actor == mia
    for version, path in ((1, "/auth/login"), (2, "/auth/token")):
        login = {"email": mia.email, "password": NEW}
        assert Client().post(f"/api/v{version}{path}", login, "application/json").status_code == 200


def test_a_token_is_good_for_one_use(mia: User, now: datetime.datetime) -> None:
    token = make_mail_token(Purpose.PASSWORD_RESET, mia, now)
    again = make_mail_token(Purpose.PASSWORD_RESET, mia, now + datetime.timedelta(seconds=1))
    assert confirm(token).status_code == 204
    for used in (token, again):
        answer = confirm(used, "yet another pass-phrase")
        assert (answer.status_code, codes_of(answer)) == (422, BAD_TOKEN)
    mia.refresh_from_db()
    assert mia.check_password(NEW)


def test_a_login_that_a_reset_overtakes_fails_as_a_wrong_one(mia: User, now: Any, meanwhile: Any) -> None:
    token = make_mail_token(Purpose.PASSWORD_RESET, mia, now)
    meanwhile(lambda: confirm(token))
    login = send(Client(), "post", "/auth/token", {"email": "mia", "password": PASSWORD})
    assert problem_of(login) == (401, "invalid-credentials")
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize("spoil", ["expired", "suspended", "other address", "other purpose", "nonsense", "nobody"])
def test_a_token_that_is_not_good_changes_nothing(mia: User, now: datetime.datetime, spoil: str) -> None:
    purpose = Purpose.EMAIL_VERIFICATION if spoil == "other purpose" else Purpose.PASSWORD_RESET
    made_at = now - datetime.timedelta(hours=1) if spoil == "expired" else now
    token = {"nonsense": "A" * 71, "nobody": "x"}.get(spoil) or make_mail_token(purpose, mia, made_at)
    if spoil == "suspended":
        User.objects.filter(pk=mia.pk).update(is_active=False)
    if spoil == "other address":
        User.objects.filter(pk=mia.pk).update(email="new@example.org")
    answer = confirm(token)
    assert (answer.status_code, codes_of(answer)) == (422, BAD_TOKEN)
    mia.refresh_from_db()
    assert mia.check_password(PASSWORD)


def test_a_weak_new_password_leaves_the_token_good(mia: User, now: datetime.datetime) -> None:
    token = make_mail_token(Purpose.PASSWORD_RESET, mia, now)
    assert codes_of(confirm(token, "password123")) == [("/password", "password_too_common")]
    assert confirm(token).status_code == 204


@pytest.mark.parametrize("path", [RESET, VERIFY])
def test_nobody_learns_which_addresses_are_known(
    make_user: Callable[..., User], mia: User, path: str, mailoutbox: list[Any]
) -> None:
    """The same answer, by the same statements; whether a mail goes out is known to the worker alone."""
    make_user(username="gone", is_active=False)
    make_user(username="verified", email_verified=True)
    seen = []
    for email in ("mia@example.org", "gone@example.org", "nobody@example.org"):
        with CaptureQueriesContext(connection) as queries:
            answer = send(Client(), "post", path, {"email": email})
        statements = [re.sub(r"'[^']*'(::\w+)?|NULL|\d+", "?", query["sql"]) for query in queries]
        headers = {name: value for name, value in answer.headers.items() if name not in ("X-Request-ID", "RateLimit")}
        seen.append((answer.status_code, answer.content, headers, len(statements), statements[-3:]))
    assert seen[0][:4] == seen[1][:4] == seen[2][:4]
    assert Job.objects.count() == 3
    call_command("run_worker", "--once", "--queues", "mail")
    assert [sent.to for sent in mailoutbox] == [["mia@example.org"]]
    assert "example.org" not in str(list(Job.objects.values_list("args", "kwargs", "return_value")))


@pytest.mark.parametrize(
    ("path", "body", "errors"),
    [
        (RESET, {}, [("/email", "required")]),
        (RESET, {"email": "nowhere"}, [("/email", "invalid_email")]),
        (RESET, {"email": "a@b.org", "user": "x"}, [("/user", "unknown_member")]),
        (CONFIRM, {"token": "x"}, [("/password", "required")]),
        (VERIFY, {}, [("/token", "required")]),
        (VERIFY, {"token": "x", "email": "a@b.org"}, [("/token", "required")]),
        (VERIFY, {"token": "x"}, BAD_TOKEN),
        (VERIFY, {"email": 1}, [("/email", "invalid_type")]),
    ],
)
@pytest.mark.usefixtures("db")
def test_bodies_are_read_strictly(path: str, body: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    answer = send(Client(), "post", path, body)
    assert (answer.status_code, codes_of(answer)) == (422, errors)
    assert not Job.objects.exists()


@pytest.mark.parametrize("path", [RESET, VERIFY])
@pytest.mark.usefixtures("db")
def test_mails_are_limited_by_account_and_by_address(settings: Any, path: str) -> None:
    settings.RATE_LIMIT_MAIL = 1

    def ask(email: str, address: str = "192.0.2.1") -> Any:
        body = {"email": email}
        return Client(REMOTE_ADDR=address).post(f"/api/v2{path}", body, content_type="application/json")

    statuses = [ask(f"n{number}@example.org").status_code for number in range(10)]
    assert statuses == [202] * 10
    again = ask("n10@example.org")
    assert (problem_of(again), int(again.headers["Retry-After"]) > 0) == ((429, "rate-limited"), True)
    again = ask("N1@example.org", "192.0.2.2")
    assert again.status_code == (429 if path == RESET else 202)
    assert Job.objects.count() == (10 if path == RESET else 11)


def mails_after_asking(path: str, email: str, times: int = 2) -> list[Any]:
    """The receivers of the mails that go out when each request comes from another address."""
    mail.outbox.clear()
    for number in range(times):
        browser = Client(REMOTE_ADDR=f"192.0.2.{number}")
        assert browser.post(f"/api/v2{path}", {"email": email}, "application/json").status_code == 202
    call_command("run_worker", "--once", "--queues", "mail")
    return [sent.to for sent in mail.outbox]


def test_requests_that_send_no_mail_keep_no_later_mail_away(make_user: Any, settings: Any) -> None:
    """Five requests about a verified address kept its owner from all mails for an hour."""
    settings.RATE_LIMIT_MAIL = 2
    mia = make_user("author", username="mia", email_verified=True)
    assert mails_after_asking(VERIFY, mia.email, 5) == []
    assert mails_after_asking(RESET, mia.email) == [[mia.email]] * 2
    User.objects.filter(pk=mia.pk).update(email_verified=False)
    assert mails_after_asking(VERIFY, "MIA@example.org", 5) == [[mia.email]] * 2


def test_an_address_gets_few_mails_of_each_purpose_and_none_keeps_another_away(
    client: Client, client_of: Callable[[User], Client], db: None, settings: Any
) -> None:
    """A stranger has asked for all that there is before the owner of the address is here, or has registered it."""
    settings.RATE_LIMIT_MAIL, email = 2, "leo@example.org"
    mails_after_asking(VERIFY, email, 5)
    mails_after_asking(RESET, email)
    sent = []
    for number in range(4):
        body = {"username": f"leo{number}", "email": email, "password": PASSWORD}
        leo = User.objects.get(pk=send(client, "post", "/users", body).json()["id"])
        change = {"email": f"new{number}@example.net", "current_password": PASSWORD}
        for _ in range(2):
            assert send(client_of(leo), "patch", "/me", change).status_code == (429 if number else 200)
            call_command("run_worker", "--once", "--queues", "mail")
        sent += [one.subject for one in mail.outbox if one.to == [email]]
        mail.outbox.clear()
        if number < 3:
            User.objects.filter(pk=leo.pk).update(email=f"{number}@example.org", is_active=False)
    assert sorted(sent) == ["Confirm your e-mail address"] * 2 + ["Your e-mail address is about to change"] * 2
    assert mails_after_asking(VERIFY, email, 5) == [[email]] * 2


def test_others_who_ask_for_an_address_keep_no_mail_from_its_owner(
    make_user: Callable[..., User], client_of: Callable[[User], Client], mia: User, settings: Any
) -> None:
    settings.RATE_LIMIT_MAIL = 2
    for status in (200, 200, 429):
        thief = client_of(make_user(password=PASSWORD))
        answer = send(thief, "patch", "/me", {"email": mia.email, "current_password": PASSWORD})
        assert answer.status_code == status
    assert mails_after_asking(RESET, mia.email).count([mia.email]) == 2
    own = {"email": "new@example.net", "current_password": PASSWORD}
    assert send(client_of(mia), "patch", "/me", own).status_code == 200


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_others_who_ask_for_a_new_address_keep_nobody_elsewhere_from_asking_for_it(
    make_user: Callable[..., User], client_of: Callable[[User], Client], settings: Any, version: str
) -> None:
    """From each network there are as many requests as RATE_LIMIT_MAIL says, from all together four times as many."""
    settings.RATE_LIMIT_MAIL = 2

    def ask(network: int) -> int:
        user = make_user(password=PASSWORD)
        client, wanted = client_of(user), {"email": "wanted@example.net"}
        client.defaults["REMOTE_ADDR"] = f"192.0.2.{network}"
        if version == "v1":
            return client.put(f"/api/v1/users/{user.pk}", wanted, "application/json").status_code
        return int(send(client, "patch", "/me", {**wanted, "current_password": PASSWORD}).status_code)

    assert [ask(network) for network in (1, 1, 1, 2, 2, 3, 3, 4, 4, 5)] == [200] * 2 + [429] + [200] * 6 + [429]


def test_mails_of_registrations_are_limited_too(client: Client, db: None, settings: Any) -> None:
    """By registering and deleting the account again, a stranger sent one address a mail every few seconds."""
    settings.RATE_LIMIT_MAIL = 2
    for number in range(4):
        body = {"username": f"leo{number}", "email": "leo@example.org", "password": PASSWORD}
        user = send(client, "post", "/users", body)
        assert user.status_code == 201
        User.objects.filter(pk=user.json()["id"]).update(email=f"{number}@example.org")
    assert Job.objects.count() == 2


def test_strangers_who_ask_for_mails_keep_no_newcomers_mail_away(client: Client, db: None, settings: Any) -> None:
    settings.RATE_LIMIT_MAIL = 2
    for status in (202, 202, 429):
        assert send(client, "post", RESET, {"email": "leo@example.org"}).status_code == status
    Job.objects.all().delete()
    body = {"username": "leo", "email": "leo@example.org", "password": PASSWORD}
    assert send(client, "post", "/users", body).status_code == 201
    assert Job.objects.count() == 1


def test_whoever_registers_verifies_the_address(client: Client, db: None, token_in_mail: Callable[[], str]) -> None:
    body = {"username": "leo", "email": "leo@example.org", "password": PASSWORD}
    assert send(client, "post", "/users", body).status_code == 201
    token = token_in_mail()
    answer = send(client, "post", VERIFY, {"token": token})
    assert (answer.status_code, answer.content) == (204, b"")
    user = User.objects.get()
    assert user.email_verified
    event = AuditEvent.objects.get(action="user.email_verified")
    assert (event.actor, event.before, event.after) == (user, {"email_verified": False}, {"email_verified": True})
    assert codes_of(send(client, "post", VERIFY, {"token": token})) == BAD_TOKEN


def test_v1_registrations_are_asked_to_verify_too(client: Client, db: None, token_in_mail: Callable[[], str]) -> None:
    body = {"username": "leo", "email": "leo@example.org", "password": PASSWORD}
    assert client.post("/api/v1/auth/register", body, content_type="application/json").status_code == 201
    assert send(client, "post", VERIFY, {"token": token_in_mail()}).status_code == 204


def key_of(user: User, now: datetime.datetime) -> Client:
    fields: Any = {"name": "Robot", "scopes": ["posts:read"]}
    return Client(headers={"x-api-key": create_api_key(actor=user, owner=user, fields=fields, now=now).raw_key})


def test_a_reset_ends_api_keys_and_browser_sessions_too(mia: User, now: datetime.datetime) -> None:
    """Whoever registered the address before its owner has made them."""
    robot, browser = key_of(mia, now), Client()
    browser.force_login(mia)
    User.objects.filter(pk=mia.pk).update(pending_email="thief@example.net")
    assert confirm(make_mail_token(Purpose.PASSWORD_RESET, mia, now)).status_code == 204
    assert [send(client, "get", "/me").status_code for client in (robot, browser)] == [401, 401]
    event = AuditEvent.objects.get(action="user.password_changed")
    assert event.after == {"api_keys_revoked": 1}
    mia.refresh_from_db()
    assert mia.pending_email == ""


def test_the_first_verification_ends_the_keys_that_were_made_before(
    client: Client, client_of: Callable[[User], Client], db: None, token_in_mail: Callable[[], str], now: Any
) -> None:
    body = {"username": "leo", "email": "leo@example.org", "password": PASSWORD}
    assert send(client, "post", "/users", body).status_code == 201
    leo = User.objects.get()
    before, signed_in = key_of(leo, now), client_of(leo)
    assert send(client, "post", VERIFY, {"token": token_in_mail()}).status_code == 204
    assert "API keys" in mail.outbox[0].body
    after = key_of(leo, now)
    statuses = [send(one, "get", "/me").status_code for one in (before, after, signed_in)]
    assert statuses == [401, 200, 200]
    event = AuditEvent.objects.get(action="user.email_verified")
    assert event.after == {"email_verified": True, "api_keys_revoked": 1}


def test_keys_of_an_account_that_somebody_vouched_for_stay(mia: User, now: datetime.datetime) -> None:
    robot = key_of(mia, now)
    token = make_mail_token(Purpose.EMAIL_VERIFICATION, mia, now)
    assert send(Client(), "post", VERIFY, {"token": token}).status_code == 204
    assert send(robot, "get", "/me").status_code == 200


def test_another_mail_can_be_asked_for(mia: User, token_in_mail: Callable[[], str]) -> None:
    assert send(Client(), "post", VERIFY, {"email": mia.email}).status_code == 202
    assert send(Client(), "post", VERIFY, {"token": token_in_mail()}).status_code == 204


def test_the_mail_leads_to_the_site_that_was_set(mia: User, settings: Any, mailoutbox: list[Any]) -> None:
    settings.PASSWORD_RESET_URL = "https://example.org/reset?t={token}"
    send(Client(), "post", RESET, {"email": mia.email})
    call_command("run_worker", "--once", "--queues", "mail")
    token = re.search(r"https://example\.org/reset\?t=([\w:-]+)\n", mailoutbox[0].body)
    assert token
    assert confirm(token[1]).status_code == 204


def test_an_expired_access_token_is_not_in_the_way(mia: User) -> None:
    answer = send(Client(), "post", RESET, {"email": mia.email}, Authorization="Bearer expired")
    assert answer.status_code == 202
    assert AuthSession.objects.count() == 0
