"""Two-factor sign-in at the admin site: nothing opens between the two steps, and factors are changed with the password."""

import datetime
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from cms.accounts.sessions import SessionStore
from cms.accounts.signing_in import take_challenge
from cms.models import AuditEvent, BrowserSession, Passkey, User
from cms.policy import SYSTEM
from cms.services.users import set_password, update_user
from tests.conftest import PASSWORD
from tests.second_factors import App, SoftKey, set_up_app, set_up_passkey

LOGIN, STEP, SETUP, PAGE = "/admin/login/", "/admin/login/second-step/", "/admin/login/set-up/", "/admin/two-factor/"
INSIDE = ("/admin/", "/admin/cms/post/", "/admin/password_change/", "/admin/canary/", PAGE, "/api/v2/me")


@pytest.fixture
def mia(make_user: Callable[..., User]) -> User:
    return make_user("admin", username="mia", password=PASSWORD)


@pytest.fixture
def app(mia: User) -> App:
    return set_up_app(mia, timezone.now() - datetime.timedelta(hours=1))


def first_step(client: Client, **more: str) -> Any:
    return client.post(LOGIN, {"username": "mia", "password": PASSWORD, **more})


def outside(client: Client) -> bool:
    """Whether no page opens, of the admin site, of the rollout or of the API."""
    return all(client.get(path).status_code in (302, 401) for path in INSIDE)


def enter_password(client: Client) -> None:
    assert client.post(PAGE, {"current_password": PASSWORD}).headers["Location"] == PAGE


def test_a_password_alone_opens_nothing_and_the_code_opens_the_page_that_was_asked_for(
    mia: User, app: App, client: Client
) -> None:
    answer = first_step(client, next="/admin/cms/post/")
    assert (answer.status_code, answer.headers["Location"]) == (302, STEP)
    assert outside(client)
    assert not BrowserSession.objects.exclude(user=None).exists()
    logins = AuditEvent.objects.filter(action="auth.login")
    assert not logins.exists()
    between = client.session.session_key
    assert "authenticator app" in client.get(STEP).content.decode()
    answer = client.post(STEP, {"code": app.code(timezone.now())})
    assert answer.headers["Location"] == "/admin/cms/post/"
    assert client.get("/admin/cms/post/").status_code == 200
    assert logins.get().actor == mia
    assert client.session.session_key != between
    assert not BrowserSession.objects.filter(session_key=between).exists()


def test_the_first_step_takes_no_key_that_somebody_may_have_planted(mia: User, app: App, client: Client) -> None:
    session = client.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    first_step(client)
    assert client.session.session_key != planted


def test_a_wrong_code_is_refused_and_the_same_page_asks_again(mia: User, app: App, client: Client) -> None:
    first_step(client)
    page = client.post(STEP, {"code": "000000"})
    assert "not valid, was used already" in page.content.decode()
    assert outside(client)
    assert client.post(STEP, {"code": app.recovery_codes[0]}).headers["Location"] == "/admin/"


def test_too_many_wrong_codes_are_refused_with_a_time(mia: User, app: App, client: Client) -> None:
    first_step(client)
    for _ in range(10):
        client.post(STEP, {"code": "000000"})
    page = client.post(STEP, {"code": app.code(timezone.now())})
    assert "Too many failed codes: try again in" in page.content.decode()
    assert outside(client)


def test_the_second_step_without_the_first_leads_to_the_first(mia: User, app: App, client: Client) -> None:
    for page in (STEP, SETUP):
        assert client.get(page).headers["Location"] == LOGIN
        assert client.post(page, {"code": app.code(timezone.now())}).headers["Location"] == LOGIN


def test_the_second_step_has_to_follow_within_ten_minutes(mia: User, app: App, client: Client) -> None:
    first_step(client)
    session = client.session
    session["first_step"]["at"] = (timezone.now() - datetime.timedelta(minutes=11)).isoformat()
    session.save()
    assert client.post(STEP, {"code": app.code(timezone.now())}).headers["Location"] == LOGIN


def test_the_session_between_the_steps_ends_with_them(mia: User, app: App, client: Client) -> None:
    answer = first_step(client)
    client.get(STEP)
    end = BrowserSession.objects.get().expire_date - timezone.now()
    assert datetime.timedelta(minutes=9) < end <= datetime.timedelta(minutes=10)
    assert 540 < answer.cookies["sessionid"]["max-age"] <= 600
    client.post(STEP, {"code": app.code(timezone.now())})
    assert BrowserSession.objects.get().expire_date - timezone.now() > datetime.timedelta(days=13)


def test_a_login_in_a_browser_that_waits_for_a_second_step_lasts_as_long_as_any(
    mia: User, app: App, make_user: Callable[..., User], client: Client
) -> None:
    make_user("author", username="ann", password=PASSWORD)
    first_step(client)
    client.post(LOGIN, {"username": "ann", "password": PASSWORD})
    assert BrowserSession.objects.get().expire_date - timezone.now() > datetime.timedelta(days=13)
    assert client.get(STEP).headers["Location"] == LOGIN


@pytest.mark.parametrize("what", ["password", "suspension"])
def test_what_ends_sessions_ends_a_login_between_its_steps_too(
    mia: User, make_user: Callable[..., User], app: App, client: Client, now: datetime.datetime, what: str
) -> None:
    make_user("admin")  # or the last one would stay
    first_step(client)
    if what == "password":
        set_password(actor=SYSTEM, user=mia, password="another long pass-phrase", now=now)
    else:
        update_user(actor=SYSTEM, user=mia, changes={"is_active": False}, now=now)
    assert client.post(STEP, {"code": app.code(timezone.now())}).headers["Location"] == LOGIN


@pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_no_step_leads_to_another_site(mia: User, app: App, client: Client, evil: str) -> None:
    first_step(client, next=evil)
    assert client.post(STEP, {"code": app.recovery_codes[0]}).headers["Location"] == "/admin/"


@pytest.mark.parametrize("address", ["posts", "admin:index", "?page=2"])
def test_an_address_is_no_name_of_a_page(mia: User, app: App, client: Client, address: str) -> None:
    """It was looked up as one, and a name that no page has was an error of the server."""
    first_step(client, next=address)
    assert client.post(STEP, {"code": app.recovery_codes[0]}).headers["Location"] in (address, "/admin/")


def test_signing_in_without_next_ends_at_the_first_page(make_user: Callable[..., User], client: Client) -> None:
    make_user("author", username="mia", password=PASSWORD)
    assert first_step(client).headers["Location"] == "/admin/"
    assert client.get(LOGIN).headers["Location"] == "/admin/"
    assert client.get(f"{LOGIN}?next=/admin/cms/tag/").headers["Location"] == "/admin/cms/tag/"


def test_a_subscriber_with_a_factor_stays_outside(make_user: Callable[..., User], client: Client) -> None:
    set_up_app(make_user("subscriber", username="mia", password=PASSWORD), timezone.now())
    assert first_step(client).status_code == 200
    assert client.get(STEP).headers["Location"] == LOGIN


def test_an_app_is_added_with_the_password_and_the_codes_are_shown_once(mia: User, client: Client) -> None:
    first_step(client)
    assert "Add an app" not in client.get(PAGE).content.decode()
    assert client.get("/admin/two-factor/app/").headers["Location"] == PAGE
    enter_password(client)
    assert "Add an app" in client.get(PAGE).content.decode()
    page = client.get("/admin/two-factor/app/").content.decode()
    secret = re.search(r'id="app-key">([A-Z2-7]{32})<', page)
    assert secret
    assert "<svg" in page
    assert "<script>" not in page.partition('id="qr-code"')[2]
    answer = client.post("/admin/two-factor/app/", {"code": App(secret[1], []).code(timezone.now())})
    codes = re.findall(r"<li>([a-z2-7-]{19})</li>", answer.content.decode())
    assert len(codes) == 10
    assert "no-store" in answer.headers["Cache-Control"]
    page = client.get(PAGE).content.decode()
    assert "10 unused codes left" in page
    assert secret[1] not in page
    assert not any(code in page for code in codes)
    assert first_step(Client()).headers["Location"] == STEP


def test_a_wrong_first_code_shows_the_same_picture_again(mia: User, client: Client) -> None:
    first_step(client)
    enter_password(client)
    page = client.get("/admin/two-factor/app/").content.decode()
    again = client.post("/admin/two-factor/app/", {"code": "000000"}).content.decode()
    assert "not the code that the app shows" in again
    keys = [re.findall(r'id="app-key">(\w+)<', each) for each in (page, again)]
    assert len(keys[0]) == 1
    assert keys[0] == keys[1]


def key_on(page: Any) -> str:
    [key] = re.findall(r'id="app-key">(\w+)<', page.content.decode())
    return str(key)


@pytest.mark.parametrize("is_first", [True, False], ids=["thief first", "owner first"])
def test_two_browsers_that_set_an_app_up_never_see_the_same_key(mia: User, is_first: bool) -> None:
    adding, owner, thief = f"{PAGE}app/", Client(), Client()
    for browser in (thief, owner) if is_first else (owner, thief):
        first_step(browser)
        enter_password(browser)
        browser.get(adding)
    key = key_on(owner.get(adding))
    assert key == key_on(owner.get(adding))
    assert key_on(thief.get(adding)) != key
    refused = owner.post(adding, {"code": App(key, []).code(timezone.now())})
    assert "was replaced by that of another browser" in refused.content.decode()
    page = owner.post(adding, {"code": App(key_on(refused), []).code(timezone.now())}).content.decode()
    assert len(re.findall(r"<li>([a-z2-7-]{19})</li>", page)) == 10
    assert thief.get(adding).headers["Location"] == PAGE


def test_two_logins_that_have_to_set_an_app_up_never_see_the_same_key(mia: User, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = "staff"
    thief, owner = Client(), Client()
    for browser in (thief, owner):
        first_step(browser)
        browser.get(SETUP)
    key = key_on(owner.get(SETUP))
    assert key == key_on(owner.get(SETUP))
    assert key_on(thief.get(SETUP)) != key
    page = owner.post(SETUP, {"code": App(key_on(owner.get(SETUP)), []).code(timezone.now())}).content.decode()
    assert len(re.findall(r"<li>([a-z2-7-]{19})</li>", page)) == 10
    assert outside(thief)


def test_a_wrong_password_opens_no_changes(mia: User, app: App, client: Client) -> None:
    client.force_login(mia)
    page = client.post(PAGE, {"current_password": "wrong"})
    assert "not your current password" in page.content.decode()
    for action in ("app/remove/", "codes/"):
        assert client.post(f"{PAGE}{action}").headers["Location"] == PAGE
    assert first_step(Client()).headers["Location"] == STEP


def test_a_page_that_needs_the_password_asks_for_it_and_complains_only_of_a_wrong_one(
    mia: User, client: Client
) -> None:
    client.force_login(mia)
    page = client.get(f"{PAGE}app/", follow=True)
    assert [(each.level_tag, each.message) for each in page.context["messages"]] == [
        ("info", "Enter your password again.")
    ]
    assert not page.context["form"].errors
    assert client.post(PAGE, {"current_password": "wrong"}).context["form"].errors


def test_an_app_is_removed_and_codes_are_renewed_with_the_password(mia: User, app: App, client: Client) -> None:
    client.force_login(mia)
    enter_password(client)
    assert "recovery-codes" in client.post(f"{PAGE}codes/").content.decode()
    assert client.post(f"{PAGE}app/remove/").headers["Location"] == PAGE
    assert first_step(Client()).headers["Location"] == "/admin/"
    actions = list(AuditEvent.objects.filter(object_id=mia.pk).order_by("pk").values_list("action", flat=True))
    assert actions[-3:] == ["auth.recovery_codes_renewed", "auth.second_factor_removed", "auth.login"]


def test_who_needs_a_factor_sets_one_up_before_anything_else(mia: User, client: Client, settings: Any) -> None:
    settings.REQUIRE_SECOND_FACTOR = "admins"
    assert first_step(client, next="/admin/cms/tag/").headers["Location"] == STEP
    assert client.get(STEP).headers["Location"] == SETUP
    page = client.get(SETUP).content.decode()
    assert outside(client)
    secret = re.search(r'id="app-key">([A-Z2-7]{32})<', page)
    assert secret
    assert "not the code" in client.post(SETUP, {"code": "000000"}).content.decode()
    assert outside(client)
    page = client.post(SETUP, {"code": App(secret[1], []).code(timezone.now())}).content.decode()
    assert len(re.findall(r"<li>([a-z2-7-]{19})</li>", page)) == 10
    assert 'href="/admin/cms/tag/"' in page
    assert client.get("/admin/").status_code == 200


def test_a_session_of_a_password_alone_ends_when_the_role_needs_a_factor(
    make_user: Callable[..., User], client: Client, settings: Any, now: datetime.datetime
) -> None:
    mia = make_user("author", username="mia", password=PASSWORD)
    first_step(client)
    settings.REQUIRE_SECOND_FACTOR = "admins"
    assert client.get("/admin/").status_code == 200
    update_user(actor=SYSTEM, user=mia, changes={"role": "admin"}, now=now)
    assert outside(client)


def test_a_session_with_a_second_factor_outlives_the_requirement(
    mia: User, app: App, client: Client, settings: Any
) -> None:
    first_step(client)
    client.post(STEP, {"code": app.code(timezone.now())})
    settings.REQUIRE_SECOND_FACTOR = "admins"
    assert client.get("/admin/").status_code == 200
    assert client.get("/api/v2/me").status_code == 200


def options_in(page: Any) -> dict[str, Any]:
    found = re.search(r'<script id="passkey-options" type="application/json">(.*?)</script>', page.content.decode())
    assert found
    options: dict[str, Any] = json.loads(found[1])
    return options


def test_a_passkey_is_added_listed_used_and_removed(mia: User, client: Client) -> None:
    key, adding = SoftKey(), f"{PAGE}passkeys/"
    client.force_login(mia)
    assert client.get(adding).headers["Location"] == PAGE
    enter_password(client)
    sent = {"name": "Blue key", "credential": key.create(options_in(client.get(adding)))}
    assert "recovery-codes" in client.post(adding, sent).content.decode()
    assert "could not be checked" in client.post(adding, sent).content.decode()  # the challenge is used up
    assert "Blue key" in client.get(PAGE).content.decode()
    other = Client()
    assert first_step(other).headers["Location"] == STEP
    answer = {"credential": key.get(options_in(other.get(STEP)))}
    assert other.post(STEP, answer).headers["Location"] == "/admin/"
    assert other.get("/admin/").status_code == 200
    passkey = Passkey.objects.get()
    assert client.post(f"{PAGE}passkeys/{passkey.pk}/remove/").headers["Location"] == PAGE
    assert not Passkey.objects.exists()


def test_of_several_answers_at_once_one_gets_the_challenge(mia: User, client: Client) -> None:
    """A passkey that syncs counts nothing: four answers at once opened four sessions."""
    set_up_passkey(mia, timezone.now(), SoftKey())
    first_step(client)
    client.get(STEP)
    requests = []
    for _ in range(3):
        request = HttpRequest()
        request.session = SessionStore(client.cookies["sessionid"].value)
        assert request.session["passkey_challenge"]  # loaded before any of them is answered
        requests.append(request)
    assert [take_challenge(request) is not None for request in requests] == [True, False, False]
    client.get(STEP)  # a new one
    assert take_challenge(requests[1]) is None


def test_a_passkey_answers_one_challenge_once(mia: User, client: Client) -> None:
    key, replaying = SoftKey(), Client()
    set_up_passkey(mia, timezone.now(), key)
    first_step(client)
    answer = {"credential": key.get(options_in(client.get(STEP)))}
    assert client.post(STEP, answer).status_code == 302
    first_step(replaying)
    replaying.get(STEP)
    page = replaying.post(STEP, answer)
    assert "could not be checked" in page.content.decode()
    assert outside(replaying)
