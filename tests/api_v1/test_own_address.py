"""One's own address and account through v1, whose clients know no password for either: the old address agrees first."""

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from cms.models import AuditEvent, AuthSession, Job, User
from cms.policy import SYSTEM
from cms.services.api_keys import create_api_key
from cms.services.users import set_password, update_user
from tests.conftest import PASSWORD

NEW = "mia@example.net"
CONSENT = "Do you want to change your e-mail address?"


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("author", username="mia", password=PASSWORD, email_verified=True)


@pytest.fixture
def own(client_of: Callable[[User], Client], mia: User) -> Client:
    return client_of(mia)


def put(client: Client, user: User, body: Any) -> Any:
    return client.put(f"/api/v1/users/{user.pk}", body, content_type="application/json")


def token_in(text: str) -> str:
    return re.search(r"Token: (\S+)", text)[1]  # type: ignore[index]


def verify(token: str) -> int:
    return Client().post("/api/v2/auth/verify-email", {"token": token}, "application/json").status_code


@pytest.fixture
def use_token(mailoutbox: list[Any]) -> Callable[[str], None]:
    """Run the worker once, which sends one mail, to this address, and use the token in it."""

    def use(address: str) -> None:
        mailoutbox.clear()
        call_command("run_worker", "--once", "--queues", "mail")
        (mail,) = mailoutbox
        assert mail.to == [address]
        assert verify(token_in(mail.body)) == 204

    return use


def test_without_the_password_the_old_address_agrees_before_the_new_one_is_asked(
    own: Client, mia: User, use_token: Callable[[str], None]
) -> None:
    data = put(own, mia, {"email": NEW, "first_name": "Mia"}).json()["data"]
    assert (data["email"], data["email_verified"], data["first_name"]) == (NEW, False, "Mia")
    stored = own.get("/api/v1/auth/profile").json()["data"]
    assert (stored["email"], stored["email_verified"]) == ("mia@example.org", True)
    use_token("mia@example.org")
    mia.refresh_from_db()
    assert mia.email == "mia@example.org"
    use_token(NEW)
    mia.refresh_from_db()
    assert (mia.email, mia.email_verified, mia.pending_email) == (NEW, True, "")
    actions = AuditEvent.objects.filter(object_id=mia.pk, action__startswith="user.email").order_by("pk")
    assert [event.action for event in actions] == ["user.email_change_requested", "user.email_changed"]


def test_with_the_password_the_new_address_is_asked_at_once(own: Client, mia: User, mailoutbox: list[Any]) -> None:
    assert put(own, mia, {"email": NEW, "current_password": PASSWORD}).status_code == 200
    call_command("run_worker", "--once", "--queues", "mail")
    assert sorted(mail.to[0] for mail in mailoutbox) == [NEW, "mia@example.org"]


def test_a_new_password_ends_a_change_of_the_address_for_good(own: Client, mia: User, mailoutbox: list[Any]) -> None:
    """A thief asked for the same address again, without the password, and the old token put it in force."""
    assert put(own, mia, {"email": NEW, "current_password": PASSWORD}).status_code == 200
    call_command("run_worker", "--once", "--queues", "mail")
    (mail,) = [mail for mail in mailoutbox if mail.to == [NEW]]
    token = token_in(mail.body)
    set_password(actor=SYSTEM, user=mia, password="another long pass-phrase", now=timezone.now())
    User.objects.filter(pk=mia.pk).update(pending_email=NEW)
    assert verify(token) == 422
    mia.refresh_from_db()
    assert (mia.email, mia.pending_email) == ("mia@example.org", NEW)


THIEFS = "mia@example.com"


def test_a_request_without_the_password_inherits_nothing_from_one_with_it(
    own: Client, mia: User, mailoutbox: list[Any]
) -> None:
    """A thief with a token asked for another address before the worker came, and got the owner's link."""
    assert put(own, mia, {"email": NEW, "current_password": PASSWORD}).status_code == 200
    assert put(own, mia, {"email": THIEFS}).status_code == 200
    call_command("run_worker", "--once", "--queues", "mail")
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [([mia.email], CONSENT)]


def test_a_request_without_the_password_inherits_no_consent(own: Client, mia: User, mailoutbox: list[Any]) -> None:
    assert put(own, mia, {"email": NEW}).status_code == 200
    call_command("run_worker", "--once", "--queues", "mail")
    assert verify(token_in(mailoutbox.pop().body)) == 204
    assert put(own, mia, {"email": THIEFS}).status_code == 200
    call_command("run_worker", "--once", "--queues", "mail")
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [([mia.email], CONSENT)]


@pytest.mark.parametrize("withdrawn_by", ["the owner", "a suspension"])
def test_a_link_of_a_withdrawn_request_stays_dead(
    own: Client, mia: User, mailoutbox: list[Any], withdrawn_by: str
) -> None:
    """Asked for again without the password, the same address came into force by the old link."""
    assert put(own, mia, {"email": NEW, "current_password": PASSWORD}).status_code == 200
    call_command("run_worker", "--once", "--queues", "mail")
    (token,) = [token_in(mail.body) for mail in mailoutbox if mail.to == [NEW]]
    if withdrawn_by == "the owner":
        assert put(own, mia, {"email": mia.email, "current_password": PASSWORD}).status_code == 200
    else:
        for is_active in (False, True):
            update_user(actor=SYSTEM, user=mia, changes={"is_active": is_active}, now=timezone.now())
    mia.refresh_from_db()
    assert mia.pending_email == ""
    update_user(actor=mia, user=mia, changes={"email": NEW}, now=timezone.now())
    assert verify(token) == 422
    mia.refresh_from_db()
    assert (mia.email, mia.pending_email) == ("mia@example.org", NEW)


def test_a_wrong_password_is_a_422_of_its_field(own: Client, mia: User) -> None:
    answer = put(own, mia, {"email": NEW, "current_password": "wrong"})
    assert (answer.status_code, answer.json()["error"]) == (422, "Invalid input")
    assert [error["field"] for error in answer.json()["validation_errors"]] == ["current_password"]
    assert not Job.objects.exists()


def test_sending_back_what_was_read_or_asked_asks_nobody_again(own: Client, mia: User, settings: Any) -> None:
    settings.RATE_LIMIT_MAIL = 1
    account = own.get("/api/v1/auth/profile").json()["data"]
    asked = put(own, mia, {**account, "email": NEW}).json()["data"]
    for body in (asked, account, {**account, "last_name": "Berg"}):
        assert put(own, mia, body).status_code == 200
    mia.refresh_from_db()
    assert (Job.objects.count(), mia.pending_email, mia.last_name) == (1, NEW, "Berg")


def test_whether_an_address_is_taken_can_be_asked_as_often_as_for_mails(
    own: Client, mia: User, admin: User, settings: Any
) -> None:
    settings.RATE_LIMIT_MAIL = 3
    statuses = [
        put(own, mia, {"email": email}).status_code for email in (admin.email, "a@b.net", admin.email, "c@d.net")
    ]
    assert statuses == [409, 200, 409, 429]


def signed_in_at(at: datetime.datetime, user: User) -> Client:
    """A browser that has signed in at the admin site with PASSWORD at that time."""
    browser = Client()
    assert browser.post("/admin/login/", {"username": user.username, "password": PASSWORD}).status_code == 302
    session = browser.session
    session["device"] = {**session["device"], "at": at.isoformat()}
    session.save()
    return browser


@pytest.mark.parametrize("kind", ["token", "browser", "key"])
def test_one_leaves_after_a_fresh_login_only(
    make_user: Callable[..., User], client_of: Callable[[User], Client], admin: User, now: Any, kind: str
) -> None:
    chief = make_user("admin", password=PASSWORD)
    client = client_of(chief)
    if kind == "key":
        fields: Any = {"name": "Robot", "scopes": ["users:write"]}
        raw_key = create_api_key(actor=chief, owner=chief, fields=fields, now=now).raw_key
        client = Client(headers={"x-api-key": raw_key})
    an_hour_ago = timezone.now() - datetime.timedelta(hours=1)
    path = f"/api/v1/users/{chief.pk}"
    is_fresh = kind != "key"
    AuthSession.objects.update(created_at=an_hour_ago)
    if kind == "browser":
        client = signed_in_at(an_hour_ago, chief)
    answer = client.delete(path)
    assert (answer.status_code, answer.json()["success"]) == (403, False)
    assert "Sign in again" in answer.json()["error"]
    AuthSession.objects.update(created_at=now)
    if kind == "browser":
        client = signed_in_at(now, chief)
    assert client.delete(path).status_code == (200 if is_fresh else 403)
    assert User.objects.get(pk=chief.pk).is_active != is_fresh


def test_a_login_elsewhere_does_not_refresh_an_old_session_of_a_browser(
    mia: User, client_of: Callable[[User], Client]
) -> None:
    stolen = signed_in_at(timezone.now() - datetime.timedelta(hours=5), mia)
    for client in (client_of(mia), signed_in_at(timezone.now(), mia)):
        assert client.get("/api/v1/auth/profile").status_code == 200
        assert stolen.delete(f"/api/v1/users/{mia.pk}").status_code == 403
    assert User.objects.get(pk=mia.pk).is_active
    assert client.delete(f"/api/v1/users/{mia.pk}").status_code == 200


def test_a_session_of_a_browser_that_does_not_say_since_when_is_not_fresh(mia: User, client_of: Any) -> None:
    client_of(mia)
    browser = Client()
    browser.force_login(mia)
    assert browser.delete(f"/api/v1/users/{mia.pk}").status_code == 403
